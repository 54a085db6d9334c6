"""The probe passes a model that can be trained so, and refuses one that cannot."""

import runpy
from pathlib import Path

import pytest
import torch

from sfray.training.sft import probe
from sfray.training.sft.loss import Objective

driver = runpy.run_path(str(Path(__file__).with_name("driver.py")))
CPU = torch.device("cpu")


@pytest.fixture
def model(tmp_path):
    from transformers import AutoModelForCausalLM

    driver["write_model"](tmp_path)
    return AutoModelForCausalLM.from_pretrained(tmp_path).eval()


def faults(model, dtype: str = "float32") -> list[str]:
    """Of a model that is to be packed and may need pieces."""
    return probe.faults(Objective(model), 258, CPU, dtype, packed=True, pieces=True)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_of_transformers_passes(model, dtype):
    assert faults(model.to(getattr(torch, dtype)), dtype) == []


def test_rows_that_see_each_other_are_refused(model):
    """A mask of ones hides the borders from transformers, as code of a model's own may."""
    forward = model.model.forward
    model.model.forward = lambda input_ids, **more: forward(
        input_ids, **more | {"attention_mask": torch.ones_like(input_ids)}
    )
    (fault,) = faults(model)
    assert fault.startswith("model.attention: rows laid end to end see each other")
    assert probe.faults(Objective(model), 258, CPU, "float32", packed=False, pieces=True) == []


def test_logits_that_are_more_than_the_output_layers_are_refused(model):
    """Scaled after it, as Granite's are."""
    forward = model.forward

    def scaled(**given):
        output = forward(**given)
        output.logits = output.logits / 8
        return output

    model.forward = scaled
    (fault,) = faults(model)
    assert fault.startswith("sft.logits_gib: a loss in pieces is not this model's loss")
    assert probe.faults(Objective(model), 258, CPU, "float32", packed=True, pieces=False) == []
