"""GPUs by what CUDA calls them."""

from __future__ import annotations

import pytest

from sfray.compute.hardware import GPUS, gpu


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA H200", "h200"),
    ],
)
def test_a_name_of_cuda(name: str, known: str) -> None:
    assert gpu(name) is GPUS[known]


@pytest.mark.parametrize("name", ["NVIDIA GeForce RTX 4090", "NVIDIA GH200 480GB", ""])
def test_a_gpu_that_is_not_listed_has_no_peak(name: str) -> None:
    assert gpu(name) is None
