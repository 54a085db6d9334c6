"""What the worker serves: formulas compared, and told apart by their values before the library is asked."""

from __future__ import annotations

import pytest

from sfray.tasks.equality import _parse, are_apart, compare


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("x^2-1", "(x-1)(x+1)", "equal"),
        (r"\frac{\sqrt{3}}{2}", r"\sqrt{3}/2", "equal"),
        (r"\sin^2(x)", r"1-\cos^2(x)", "equal"),
        ("x^2-1", "x^2+1", "different"),
        (r"\frac{1}{3}", "0.333333333333", "equal"),
        (r"\frac{1}{3}", "0.333333", "different"),
        ("1", None, "equal"),
        ("1", r"\frac{", "unreadable"),
    ],
)
def test_verdicts(gold: str, answer: str | None, verdict: str) -> None:
    assert compare(gold, answer) == verdict


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("x^2", "x^3", True),
        (r"\sqrt{2}", "1.5", True),
        ("x+y", "y+x", False),
        ("2x", "x+x", False),
        (r"\sqrt{2}", "1.414213562373095", False),
        ("x", "y", False),  # single symbols are the library's
        ("(1,2)", "(1,3)", False),
        ("x = 1", "x = 2", False),
    ],
)
def test_only_clear_differences_of_values_tell_apart(one: str, other: str, apart: bool) -> None:
    assert are_apart(_parse(one)[0], _parse(other)[0]) is apart
