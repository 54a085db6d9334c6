"""DeepSpeed's configuration and the schedule, exactly."""

import json
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM

from sfray.config import SftConfig
from sfray.training.sft.engine import (
    _groups,
    accumulation,
    deepspeed_config,
    environment,
    export,
    merge,
    scheduler,
    warmup_steps,
)
from sfray.training.sft.loss import Objective
from tests.models import folders
from tests.training.grpo.model import tokenizer


def test_deepspeed_config():
    sft = SftConfig(workers=2, batch=32, micro_batch=4, zero=2, lr=1e-5, clip=0.5, betas=[0.9, 0.98])
    assert deepspeed_config(sft, "bfloat16", 2) == {
        "train_micro_batch_size_per_gpu": 4,
        "gradient_accumulation_steps": 4,
        "gradient_clipping": 0.5,
        "zero_optimization": {"stage": 2},
        "optimizer": {
            "type": "AdamW",
            "params": {"lr": 1e-5, "betas": [0.9, 0.98], "eps": 1e-8, "torch_adam": True, "fused": True},
        },
        "bf16": {"enabled": True},
        "steps_per_print": 2**31,
        "wall_clock_breakdown": False,
    }


def test_zero_3_can_be_exported_whole():
    zero = deepspeed_config(SftConfig(zero=3), "float32", 1)
    assert zero["zero_optimization"] == {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True}
    assert zero["bf16"] == {"enabled": False}


def test_user_settings_win_key_by_key():
    extra = {"zero_optimization": {"overlap_comm": True}, "optimizer": {"params": {"fused": False}}}
    made = deepspeed_config(SftConfig(zero=1, deepspeed=extra), "float32", 1)
    assert made["zero_optimization"] == {"stage": 1, "overlap_comm": True}
    assert made["optimizer"]["params"]["fused"] is False
    assert made["optimizer"]["params"]["torch_adam"] is True


def test_merge_leaves_its_arguments_alone():
    base, over = {"a": {"b": 1}, "c": 2}, {"a": {"d": 3}, "c": {"e": 4}}
    assert merge(base, over) == {"a": {"b": 1, "d": 3}, "c": {"e": 4}}
    assert base == {"a": {"b": 1}, "c": 2}


@pytest.mark.parametrize(
    ("workers", "micro", "batch", "expected"), [(1, 1, 1, 1), (4, 2, 64, 8), (2, 8, 16, 1), (3, 2, 16, 3)]
)
def test_accumulation(workers, micro, batch, expected):
    """Three of four workers have micro batches that are not full."""
    assert accumulation(SftConfig(workers=4, micro_batch=micro, batch=batch), workers) == expected


def test_a_universal_checkpoint_is_asked_for_where_it_is_to_be_loaded():
    made = deepspeed_config(SftConfig(workers=2, batch=4), "float32", 1, universal=True)
    assert made["checkpoint"] == {"load_universal": True}
    assert made["gradient_accumulation_steps"] == 4


def test_a_budget_of_tokens_needs_no_multiple():
    sft = SftConfig(workers=2, batch=5, micro_batch=4, micro_tokens=100)
    made = deepspeed_config(sft, "float32", 2)
    assert (made["train_micro_batch_size_per_gpu"], made["gradient_accumulation_steps"]) == (1, 3)
    assert accumulation(SftConfig(micro_tokens=100), 1) == 2


def test_environment():
    assert environment("cpu", 1.0)["OMP_NUM_THREADS"] == "1"
    assert environment("cpu", 0.5)["OMP_NUM_THREADS"] == "1"
    assert environment("cpu", 1.0)["DS_ACCELERATOR"] == "cpu"
    assert "OMP_NUM_THREADS" not in environment("cuda", 8.0)


@pytest.mark.parametrize(("ratio", "steps", "expected"), [(0.05, 100, 5), (0.05, 101, 6), (0.0, 7, 0)])
def test_warmup_steps(ratio, steps, expected):
    assert warmup_steps(ratio, steps) == expected


def _rates(schedule: str) -> list[float]:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    made = scheduler(optimizer, SftConfig(schedule=schedule, warmup_ratio=0.2), 10)
    rates = []
    for _ in range(10):
        rates.append(made.get_last_lr()[0])
        optimizer.step()
        made.step()
    return rates


def test_schedules():
    assert _rates("constant") == [0, 0.5] + [1] * 8
    assert _rates("linear") == pytest.approx([0, 0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    cosine = _rates("cosine")
    assert cosine[:3] == [0, 0.5, 1]
    assert cosine[6] == pytest.approx(0.5)
    assert cosine[2:] == sorted(cosine[2:], reverse=True)


def test_only_matrices_decay():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3))
    decayed, plain = _groups(model, 0.1)
    assert [tuple(p.shape) for p in decayed["params"]] == [(3, 2)]
    assert [tuple(p.shape) for p in plain["params"]] == [(3,), (3,), (3,)]
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)


def test_a_model_with_settings_that_cannot_be_saved_is_exported_without_them(tmp_path):
    base = folders.good(tmp_path / "base")
    folders.put(base / "generation_config.json", do_sample=False, temperature=0.9)
    engine = SimpleNamespace(module=Objective(AutoModelForCausalLM.from_pretrained(base)))
    export(engine, tokenizer(), tmp_path / "model", SftConfig(zero=1), rank=0)
    saved = json.loads((tmp_path / "model" / "generation_config.json").read_text())
    assert (saved.get("temperature"), saved["eos_token_id"]) == (
        None,
        engine.module.model.generation_config.eos_token_id,
    )
