"""The defaults of the method's groups are the paper's."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from sfray.config import Config, EngineConfig, ReflectConfig, SampleConfig
from sfray.config.validation import keys, lookup

PAPER = {
    "sample.n": 16,
    "sample.variants": ["plain", "plan", "alternatives", "restate"],
    "sample.hinted": False,
    "sample.temperature": 0.7,
    "sample.top_p": 0.8,
    "sample.top_k": 20,
    "sample.repetition_penalty": 1.1,
    "reflect.n": 4,
    "reflect.temperature": 0.7,
    "reflect.top_p": 0.8,
    "reflect.top_k": 20,
    "reflect.repetition_penalty": 1.1,
    "trace.recipe": "algorithm1",
    "trace.l_max": 5,
    "sft.epochs": 2,
    "sft.lr": 1e-6,
    "sft.schedule": "cosine",
    "sft.batch": 1,
    "sft.max_length": 4096,
    "sft.warmup_ratio": 0.05,
    "sft.weight_decay": 1e-4,
    "sft.betas": [0.9, 0.95],
    "sft.zero": 2,
    "sft.gradient_checkpointing": True,
    "grpo.lr": 1e-6,
    "grpo.batch": 256,
    "grpo.mini_batch": 32,
    "grpo.n": 16,
    "grpo.steps": 150,
    "grpo.kl_coef": 0.0,
    "grpo.max_prompt": 512,
    "grpo.max_response": 4096,
    "grpo.activation_offload": True,
    "grpo.save_every": 25,
    "grpo.test_every": 25,
    "grpo.ranks_per_node": 4,
    "grpo.nodes": 1,
    "grpo.rollout.max_num_batched_tokens": 16384,
    "grpo.rollout.max_num_seqs": 2048,
    "grpo.rollout.gpu_memory_utilization": 0.8,
    "grpo.rollout.tensor_parallel": 1,
    "evaluate.n": 4,
    "evaluate.max_tokens": 16384,
}


@pytest.mark.parametrize("key", PAPER)
def test_default_is_the_papers(key: str) -> None:
    assert lookup(Config(), key) == PAPER[key]


def test_groups_of_decoding_share_their_keys() -> None:
    shared = {"n", "temperature", "top_p", "top_k", "repetition_penalty", "max_tokens"}
    assert shared < {f.name for f in dataclasses.fields(SampleConfig)}
    assert shared < {f.name for f in dataclasses.fields(ReflectConfig)}


def test_configs_do_not_share_their_lists() -> None:
    one, other = Config(), Config()
    one.sample.variants.append("mine")
    assert other.sample.variants == ["plain", "plan", "alternatives", "restate"]


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().sample.n = 3  # type: ignore[misc]


def _classes(cls: type) -> typing.Iterator[type]:
    yield cls
    for hint in typing.get_type_hints(cls).values():
        if dataclasses.is_dataclass(hint):
            yield from _classes(typing.cast(type, hint))


@pytest.mark.parametrize("cls", dict.fromkeys(_classes(Config)), ids=lambda c: c.__name__)
def test_every_documented_attribute_exists(cls: type) -> None:
    documented = set()
    for line in (cls.__doc__ or "").partition("Attributes:")[2].splitlines():
        if line.startswith("        ") and not line.startswith("         "):
            documented.add(line.partition(":")[0].strip())
    assert documented <= {f.name for f in dataclasses.fields(cls)}


def test_keys_of_groups_and_leaves() -> None:
    found = list(keys())
    assert len(found) == len(set(found))
    assert {"grpo", "grpo.rollout", "grpo.rollout.top_p", "steps", "method", "task.eval.levels"} < set(found)


def test_an_actor_takes_half_of_its_share_of_a_small_stage_at_most() -> None:
    engine = EngineConfig(actors=2, shards_in_flight=8)
    assert [engine.at_once(shards) for shards in (1, 2, 3, 4, 7, 8, 13, 16, 31, 32, 1000)] == [
        1, 1, 1, 1, 1, 2, 3, 4, 7, 8, 8,
    ]  # fmt: skip
    assert [EngineConfig(actors=4, shards_in_flight=1).at_once(shards) for shards in (1, 100)] == [1, 1]
