"""Arithmetic that a step achieved."""

import pytest
import torch

from sfray.training.sft.speed import speed


def test_on_a_cpu_there_is_no_peak():
    assert speed(6e12, 2.0, 4, torch.device("cpu")) == {"tflops": 0.75}


@pytest.mark.parametrize(("name", "mfu"), [("NVIDIA H100 80GB HBM3", {"mfu": 0.4}), ("Some other GPU", {})])
def test_on_a_gpu_the_share_of_its_peak(monkeypatch, name, mfu):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert speed(2 * 0.4 * 989e12 * 3, 3.0, 2, torch.device("cuda", 0)) == {"tflops": 395.6} | mfu
