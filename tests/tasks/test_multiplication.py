"""Multiplication: the exact product."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.config import SplitConfig
from sfray.tasks.multiplication import Multiplication
from sfray.tasks.outcome import Reason

FACTORS = st.integers(10, 99_999)


@given(FACTORS, FACTORS, st.integers(-1000, 1000))
def test_only_the_product_is_right(a: int, b: int, off: int) -> None:
    outcome = Multiplication.judge({"factors": [a, b]}, f"{a * b + off:,}")
    assert outcome.reason is (Reason.CORRECT if off == 0 else Reason.WRONG_VALUE)


@pytest.mark.parametrize(("answer", "reason"), [("12 * 34", Reason.BAD_SYNTAX), ("12 x 34 = 408", Reason.BAD_SYNTAX)])
def test_the_question_is_no_answer(answer: str, reason: Reason) -> None:
    assert Multiplication.judge({"factors": [12, 34]}, answer).reason is reason


@pytest.mark.parametrize("level", Multiplication.levels)
def test_factors_have_as_many_digits_as_the_level_says(level: str) -> None:
    for row in Multiplication().questions("sft", SplitConfig([level], 20), 0):
        a, b = json.loads(row.gold)["factors"]
        assert len(str(a)) == len(str(b)) == int(level)
        assert (row.text, row.answer) == (f"What is {a} times {b}?", str(a * b))


def test_order_does_not_make_another_question() -> None:
    rows = Multiplication().questions("sft", SplitConfig(["2"], 350), 0)
    assert len({tuple(sorted(json.loads(r.gold)["factors"])) for r in rows}) == 350


@pytest.mark.parametrize(
    "gold", [{}, {"factors": [1]}, {"factors": [1, 2.0]}, {"factors": "12"}, {"factors": [1, 2, 3]}]
)
def test_bad_golds_are_named(gold: dict) -> None:
    assert Multiplication.gold_problem(gold) is not None
