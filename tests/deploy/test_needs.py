"""What stages need, worked out by hand for the paper's presets, and what holds for any config."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.compose import load
from sfray.config import Config
from sfray.deploy.needs import GIB, Need, checkpoint, driver_memory, needs
from tests.deploy.presets import PRESETS, preset

BILLIONS_7 = round(7 * 1.1 * 1e9)
SEVEN = load(["experiment=paper/countdown_7b"])


def with_group(config: Config, group: str, **values: object) -> Config:
    """A config with some values of one group changed."""
    return dataclasses.replace(config, **{group: dataclasses.replace(getattr(config, group), **values)})


def need(config: Config, stage: str, parameters: int = BILLIONS_7) -> Need:
    """The need of one stage."""
    return next(found for found in needs(config, parameters) if found.stage == stage)


def gpus(each: int, sft: int) -> dict[str, int]:
    """GPUs of every step, where all but SFT use as many."""
    steps = ("attempts", "reflections", "grpo", "eval_sft", "eval_base", "eval_grpo")
    return dict.fromkeys(steps, each) | {"traces": 0, "sft": sft}


GPUS = {
    "1.5B on 4 GPUs": gpus(4, 1),
    "7B on 4 GPUs": gpus(4, 4),
    "7B on 8 GPUs": gpus(8, 8),
    "7B on 8 GPUs of one node": gpus(8, 8),
    "OpenThoughts, 1,000": gpus(4, 4),
    "OpenThoughts, 10,000": gpus(4, 4),
}


@pytest.mark.parametrize("name", PRESETS)
def test_gpus_of_each_stage_of_the_presets(name: str) -> None:
    assert {found.stage: found.total_gpus for found in preset(name).stages} == GPUS[name]


def test_a_unit_is_an_engine_a_worker_or_a_node() -> None:
    config = with_group(SEVEN, "engine", actors=3, tensor_parallel=2)
    assert (need(config, "attempts").units, need(config, "attempts").gpus) == (3, 2)
    assert (need(config, "sft").units, need(config, "sft").gpus) == (4, 1)
    config = with_group(config, "grpo", nodes=2, ranks_per_node=8)
    assert (need(config, "grpo").units, need(config, "grpo").gpus) == (2, 8)


def test_only_the_steps_of_the_run_count() -> None:
    config = dataclasses.replace(SEVEN, steps=["quality", "traces"])
    assert [found.stage for found in needs(config, BILLIONS_7)] == ["attempts", "reflections", "traces"]


def test_a_checkpoint_is_what_the_training_page_says() -> None:
    assert checkpoint(SEVEN, 10) == 140
    assert checkpoint(with_group(SEVEN, "model", dtype="float32"), 10) == 120
    assert driver_memory(10) == 80


def test_grpo_reserves_what_verl_reserves() -> None:
    found = need(SEVEN, "grpo")
    assert (found.cpus, found.beside) == (3 * 4, 10)
    assert found.shm == 4 * 3 * GIB
    tokens = 256 * 16 * (512 + 4096)
    assert found.objects == 2 * 68 * tokens


def test_offloading_is_paid_in_host_memory() -> None:
    without = with_group(SEVEN, "grpo", overrides=[], activation_offload=False)
    loading = 4 * 12 * GIB + 4 * 4 * BILLIONS_7 + need(SEVEN, "grpo").objects
    assert need(without, "grpo").memory == loading
    # 12 bytes a parameter on one node of 8 ranks, and no more than 4 while it loads on a node of one rank
    alone = with_group(SEVEN, "grpo", nodes=1, ranks_per_node=1, activation_offload=False)
    assert need(alone, "grpo").memory == 12 * GIB + 12 * BILLIONS_7 + need(alone, "grpo").objects
    moved = with_group(SEVEN, "sft", workers=1, deepspeed={"zero_optimization": {"offload_optimizer": {}}})
    assert need(moved, "sft").memory - 6 * GIB == 12 * BILLIONS_7
    assert need(with_group(SEVEN, "sft", workers=1), "sft").memory - 6 * GIB == 2 * BILLIONS_7


def test_on_cpu_no_stage_asks_for_gpus_and_grpo_works_beside_the_driver() -> None:
    found = needs(load(), 10**6)
    assert {item.stage: item.gpus for item in found} == dict.fromkeys([item.stage for item in found], 0)
    assert [item.stage for item in found if item.driver] == ["grpo"]


def test_on_the_cpu_of_several_nodes_grpo_takes_logical_gpus() -> None:
    config = load(["cluster=job", "grpo.nodes=2"])
    (grpo,) = (item for item in needs(config, 10**6) if item.stage == "grpo")
    assert (grpo.units, grpo.gpus, grpo.cpus, grpo.beside, grpo.driver) == (
        2,
        config.grpo.ranks_per_node,
        3 * config.grpo.ranks_per_node,
        3,
        False,
    )


@given(
    actors=st.integers(1, 64),
    parallel=st.sampled_from([1, 2, 4, 8]),
    workers=st.integers(1, 64),
    nodes=st.integers(1, 8),
    ranks=st.sampled_from([1, 2, 4, 8]),
    parameters=st.integers(10**6, 10**11),
)
def test_needs_grow_with_what_is_asked(
    actors: int, parallel: int, workers: int, nodes: int, ranks: int, parameters: int
) -> None:
    config = with_group(SEVEN, "engine", actors=actors, tensor_parallel=parallel)
    config = with_group(config, "sft", workers=workers)
    config = with_group(config, "grpo", nodes=nodes, ranks_per_node=ranks)
    found = {item.stage: item for item in needs(config, parameters)}
    assert found["attempts"].total_gpus == actors * parallel
    assert found["sft"].total_gpus == workers
    assert found["grpo"].total_gpus == nodes * ranks
    twice = {item.stage: item for item in needs(config, 2 * parameters)}
    for stage, item in found.items():
        assert item.memory <= twice[stage].memory
        assert item.scratch <= twice[stage].scratch
        assert item.gpus == 0 or item.shm >= item.gpus * GIB
    assert math.isclose(found["sft"].scratch, 28 * parameters)
