"""Nodes hold every stage, and nothing in /dev/shm or memory is given away twice."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.compose import load
from sfray.deploy.needs import GIB, needs
from sfray.deploy.shape import RAY_MEMORY, SHM_SPARE, Node, node_gpus, nodes_for, on_one_node, shape
from tests.deploy.presets import preset
from tests.deploy.test_needs import SEVEN, with_group

NODES = {
    "1.5B on 4 GPUs": (1, Node(4, 23, 95, 16, 3, 94, 75, 12)),
    "7B on 4 GPUs": (1, Node(4, 23, 186, 16, 3, 251, 166, 12)),
    "7B on 8 GPUs": (2, Node(4, 23, 186, 16, 3, 251, 166, 12)),
    "7B on 8 GPUs of one node": (1, Node(8, 35, 360, 28, 3, 251, 328, 24)),
    "OpenThoughts, 1,000": (1, Node(4, 23, 187, 17, 4, 251, 166, 12)),
    "OpenThoughts, 10,000": (1, Node(4, 23, 187, 17, 4, 251, 166, 12)),
}


@pytest.mark.parametrize("name", NODES)
def test_nodes_of_the_presets(name: str) -> None:
    found = preset(name).shape
    assert (found.workers, found.worker) == NODES[name]
    # The driver joins 7B in float32: twice 4 bytes a parameter.
    assert (found.head.gpus, found.head.used) == (0, 13 if name.startswith("1.5B") else 58)


def test_a_node_has_as_many_gpus_as_grpo_has_ranks() -> None:
    assert node_gpus(SEVEN, needs(SEVEN, 10**9)) == 4
    given_count = with_group(SEVEN, "deploy", gpus_per_node=8)
    assert node_gpus(given_count, needs(given_count, 10**9)) == 8
    sampling = dataclasses.replace(with_group(SEVEN, "engine", actors=32), steps=["attempts"])
    assert node_gpus(sampling, needs(sampling, 10**9)) == 8
    assert node_gpus(load(), needs(load(), 10**6)) == 0


def test_a_step_is_sized_by_its_stage_and_not_by_its_name() -> None:
    wide = with_group(SEVEN, "engine", actors=8)
    renamed = {
        {"grpo": "rl"}.get(name, name): {k: "rl" if v == "grpo" and k != "stage" else v for k, v in step.items()}
        for name, step in wide.method.items()
    }
    other = dataclasses.replace(wide, method=renamed)
    assert node_gpus(wide, needs(wide, 10**9)) == node_gpus(other, needs(other, 10**9)) == 4
    assert {need.stage: need.kind for need in needs(other, 10**9)}["rl"] == "grpo"


def test_a_unit_never_spans_nodes() -> None:
    config = with_group(SEVEN, "engine", actors=3, tensor_parallel=4)
    (attempts, *_) = needs(config, 10**9)
    assert (nodes_for(attempts, 4), nodes_for(attempts, 8), nodes_for(attempts, 6)) == (3, 2, 3)
    assert on_one_node(attempts, 8, 2) == 2


@given(
    actors=st.integers(1, 40),
    parallel=st.sampled_from([1, 2, 4]),
    workers=st.integers(1, 40),
    nodes=st.integers(1, 6),
    gpus=st.sampled_from([None, 4, 8]),
    context=st.sampled_from([1024, 4096, 16384]),
    parameters=st.integers(10**7, 10**11),
)
def test_nothing_is_given_away_twice(
    actors: int, parallel: int, workers: int, nodes: int, gpus: int | None, context: int, parameters: int
) -> None:
    config = with_group(SEVEN, "engine", actors=actors, tensor_parallel=parallel)
    config = with_group(with_group(config, "sft", workers=workers), "deploy", gpus_per_node=gpus)
    config = with_group(config, "grpo", nodes=nodes, max_response=context)
    stages = needs(config, parameters)
    found = shape(config, stages, parameters)
    for node in (found.head, found.worker):
        assert node.shm >= node.object_store + node.shm_used + SHM_SPARE
        assert node.memory * GIB >= node.used * GIB + node.shm * GIB + RAY_MEMORY
        assert node.object_store >= 2
    for need in stages:
        on_node = on_one_node(need, found.worker.gpus, found.workers)
        assert found.workers * found.worker.gpus >= need.total_gpus
        assert found.workers * on_node >= need.units
        assert found.worker.cpus >= on_node * need.cpus + need.beside
        assert found.worker.used * GIB >= on_node * need.memory
        assert found.worker.shm_used * GIB >= on_node * need.shm
        assert found.worker.object_store * GIB >= need.objects
        assert found.worker.scratch * GIB >= need.scratch
