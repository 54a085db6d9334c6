"""Plans: shape and final step."""

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


def test_without_reflections() -> None:
    bare = plan("IC").without_reflections()
    assert bare.shape == "IC"
    assert [s.reflection for s in bare.steps] == [None, None]
