"""What fits a cluster and what would wait for ever."""

from __future__ import annotations

import pytest

from sfray.deploy.fit import shortfall
from sfray.deploy.needs import Need

LAPTOP = [{"CPU": 2.0, "GPU": 0.0}]
HEAD_AND_TWO = [{"CPU": 0.0}, {"CPU": 16.0, "GPU": 4.0}, {"CPU": 16.0, "GPU": 4.0}]


@pytest.mark.parametrize(
    ("need", "nodes"),
    [
        (Need("sft", 2, 0, 1.0, kind="sft", fewest=2), LAPTOP),
        (Need("attempts", 8, 0, 0.5, beside=1, kind="sample"), LAPTOP),
        (Need("traces", 9, 0, 0.5, kind="traces"), LAPTOP),
        (Need("sft", 8, 1, 1.0, kind="sft", fewest=8), HEAD_AND_TWO),
        (Need("grpo", 2, 4, 12.0, beside=8, kind="grpo", fewest=2), HEAD_AND_TWO),
    ],
)
def test_what_fits(need: Need, nodes: list[dict[str, float]]) -> None:
    assert shortfall(need, nodes) is None


@pytest.mark.parametrize(
    ("need", "nodes", "parts"),
    [
        (
            Need("sft", 4, 0, 1.0, kind="sft", fewest=4),
            LAPTOP,
            ["sft: needs 4 times 1 CPUs at once", "only 2", "Lower sft.workers"],
        ),
        (Need("sft", 8, 1, 4.0, kind="sft", fewest=8), HEAD_AND_TWO[:2], ["8 times 1 GPUs and 4 CPUs", "only 4"]),
        (
            Need("attempts", 1, 0, 2.0, beside=1, kind="sample"),
            LAPTOP,
            ["1 times 2 CPUs, and 1 CPUs beside", "engine.actors"],
        ),
        (Need("attempts", 2, 8, 1.0, kind="sample"), HEAD_AND_TWO, ["1 times 8 GPUs", "only 0"]),
        (Need("grpo", 2, 4, 12.0, beside=10, kind="grpo", fewest=2), HEAD_AND_TWO, ["10 CPUs beside", "grpo.nodes"]),
        (Need("sft", 1, 0, 1.0, kind="sft", fewest=1), [], ["of the 0 nodes that are alive (nothing)"]),
    ],
)
def test_what_does_not_fit_says_what_there_is(need: Need, nodes: list[dict[str, float]], parts: list[str]) -> None:
    said = shortfall(need, nodes)
    assert said is not None
    assert [part for part in parts if part not in said] == []
