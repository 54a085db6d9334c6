"""Adapters: the merged model is the adapted one, and what is trained is what was asked for."""

import runpy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from sfray.config import LoraConfig
from sfray.training.sft.adapters import adapt
from sfray.training.sft.engine import _groups

driver = runpy.run_path(str(Path(__file__).with_name("driver.py")))
IDS = torch.arange(2, 26).reshape(2, 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("base")
    driver["write_model"](made)
    return made


def adapted(folder: Path, **lora: object) -> torch.nn.Module:
    """A model with adapters that are off their start, as after training."""
    model = adapt(AutoModelForCausalLM.from_pretrained(folder), LoraConfig(rank=4, alpha=8.0, **lora), seed=3)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.3)
    return model.eval()


def test_at_the_start_an_adapted_model_is_the_model(folder):
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    expected = model(IDS).logits
    assert torch.equal(adapt(model, LoraConfig(rank=4), seed=0).eval()(IDS).logits, expected)


@pytest.mark.parametrize("targets", [["all-linear"], ["q_proj", "down_proj"]])
def test_merged_weights_give_the_same_logits(folder, tmp_path, targets):
    model = adapted(folder, target_modules=targets)
    expected = model(IDS).logits
    plain = AutoModelForCausalLM.from_pretrained(folder)(IDS).logits
    assert (expected - plain).abs().max() > 0.01
    model.merge_and_unload().save_pretrained(tmp_path / "merged")
    loaded, info = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", output_loading_info=True)
    assert not any(info.values())
    assert torch.allclose(loaded(IDS).logits, expected, atol=1e-5)
    embedding = loaded.get_input_embeddings().weight
    assert loaded.get_output_embeddings().weight is embedding  # still tied, and as they were
    assert torch.equal(embedding, AutoModelForCausalLM.from_pretrained(folder).get_input_embeddings().weight)


def test_only_adapters_are_trained(folder):
    """Rank x (inputs + outputs) weights for each of the seven matrices of a layer."""
    model = adapted(folder)
    decayed, *rest = _groups(model, 0.1)
    assert rest == []
    each = [(32, 32), (32, 16), (32, 16), (32, 32), (32, 64), (32, 64), (64, 32)]  # q, k, v, o, gate, up, down
    assert sum(p.numel() for p in decayed["params"]) == 2 * sum(4 * (i + o) for i, o in each)
    assert {name.split(".")[-3] for name, p in model.named_parameters() if p.requires_grad} == {"lora_A", "lora_B"}


def test_every_worker_draws_the_same_adapters_and_another_seed_others(folder):
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed + 17)  # whatever was drawn before
        model = adapt(AutoModelForCausalLM.from_pretrained(folder), LoraConfig(rank=4), seed)
        return torch.cat([p.flatten() for name, p in model.named_parameters() if "lora_A" in name])

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))
