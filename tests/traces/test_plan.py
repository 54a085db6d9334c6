"""Plans: shape, final step, and the order in which steps are given up."""

from __future__ import annotations

import pytest

from sfray.traces.plan import Closing, Plan, Step
from tests.traces.rows import attempt, reflection


def plan(shape: str, closing: Closing = Closing.NONE) -> Plan:
    attempts = [attempt(i, letter == "C") for i, letter in enumerate(shape)]
    return Plan(tuple(Step(a, reflection(a)) for a in attempts), closing)


@pytest.mark.parametrize(
    ("shape", "closing", "final"),
    [
        ("ICC", Closing.NONE, 2),
        ("CI", Closing.NONE, 1),
        ("CCII", Closing.BACKTRACK, 1),
        ("ICC", Closing.CONFIRM, 2),
    ],
)
def test_shape_and_final(shape: str, closing: Closing, final: int) -> None:
    assert plan(shape, closing).shape == shape
    assert plan(shape, closing).final == final
    assert plan(shape, closing).correct is (shape[final] == "C")


@pytest.mark.parametrize(
    ("shape", "closing", "shorter"),
    [
        ("CICIC", Closing.NONE, ["CCIC", "CCC", "CC", "C"]),
        ("CI", Closing.NONE, ["I"]),
        ("ICICI", Closing.BACKTRACK, ["CICI", "CCI", "CI"]),
        ("CIICC", Closing.CONFIRM, ["CICC", "CCC", "CC"]),
    ],
)
def test_incorrect_steps_go_first_and_the_end_stays(shape: str, closing: Closing, shorter: list[str]) -> None:
    current, seen = plan(shape, closing), []
    last = current.steps[-1]
    while (index := current.droppable()) is not None:
        current = current.without(index)
        seen.append(current.shape)
        assert current.steps[-1] == last
    assert seen == shorter


def test_without_reflections() -> None:
    bare = plan("IC").without_reflections()
    assert bare.shape == "IC"
    assert [s.reflection for s in bare.steps] == [None, None]
