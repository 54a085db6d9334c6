"""Stated arithmetic, found and recomputed."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.traces.arithmetic import number, statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 + 5 = 8, then 8 * 8 = 63.", [("3 + 5 = 8", True), ("8 * 8 = 63", False)]),
        ("3 - 5 = -2", [("3 - 5 = -2", True)]),
        ("1 + 2 + 3 * 4 = 15", [("1 + 2 + 3 * 4 = 15", True)]),
        ("10 - 4 / 2 = 3", [("10 - 4 / 2 = 3", False)]),
        ("- 3 + 5 = 8\n* 3 × 4 = 12", [("3 + 5 = 8", True), ("3 × 4 = 12", True)]),
        (
            "7 / 2 = 3.5 and 7 ÷ 3 = 2.33 but 7 / 3 = 2.4",
            [("7 / 2 = 3.5", True), ("7 ÷ 3 = 2.33", True), ("7 / 3 = 2.4", False)],
        ),
        ("7 / 3 = 2", [("7 / 3 = 2", False)]),
        ("12 x 34 = 408", [("12 x 34 = 408", True)]),
        (r"$12 \times 34 = 408$ and \(6 \div 3 = 2\)", [("12 * 34 = 408", True), ("6 / 3 = 2", True)]),
        ("**3 + 5 = 8**", [("3 + 5 = 8", True)]),
        ("1,234 * 5 = 6,170", [("1,234 * 5 = 6,170", True)]),
        ("of 3, 5 + 8 = 13, fine", [("5 + 8 = 13", True)]),
        ("4 / 0 = 0", [("4 / 0 = 0", False)]),
        ("3 + 5 = 8 - then", [("3 + 5 = 8", True)]),
        ("So (3 + 5 = 8).", [("3 + 5 = 8", True)]),
        ("(3 + 5) * 8 = 64", []),
        ("2 * (3 + 5) = 16", []),
        ("3 + 5 = 8 * 8 = 64", []),
        ("3+5=8-3", []),
        ("2^3 + 1 = 9", []),
        ("a3 + 5 = 9", []),
        ("12345678901234567890123 + 1 = 2", []),
        ("3 = 3", []),
        ("", []),
    ],
)
def test_statements(text: str, expected: list) -> None:
    assert [(s.text, s.holds) for s in statements(text)] == expected


@given(
    st.lists(st.integers(0, 999), min_size=2, max_size=6),
    st.lists(st.sampled_from("+-*"), min_size=5, max_size=5),
    st.integers(-3, 3),
)
def test_agrees_with_independent_evaluation(operands: list[int], operators: list[str], error: int) -> None:
    shown = str(operands[0])
    for operator, operand in zip(operators, operands[1:], strict=False):
        shown += f" {operator} {operand}"
    value = eval(shown)  # digits and + - * that this test wrote
    (found,) = statements(f"I see that {shown} = {value + error}.")
    assert found.claimed == value + error
    assert found.holds is (error == 0)


@pytest.mark.parametrize(
    "piece", ["1", "1+", "1,111", "1 + 1 ", "1 + 1 = ", "1 + 1 = 2 ", "\n", "1 = 1", "- ", r"\times"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    found = statements(text)
    assert time.process_time() - start < 5
    assert all(s.holds for s in found if s.text == "1 + 1 = 2")


def test_number() -> None:
    assert number("1,234") == 1234
    assert number("2.50") == Fraction(5, 2)
    with pytest.raises(ValueError, match="invalid literal"):
        number("x")
