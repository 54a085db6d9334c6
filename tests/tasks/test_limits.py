"""Formulas that would cost the library seconds are refused before it sees them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.tasks.limits import is_costly
from sfray.tasks.mathematics import MAX_CHARS, judge
from sfray.tasks.outcome import Reason

COSTLY = [
    *(f"{opened * 7}2{closed * 7}" for opened, closed in ("{}", "()", "[]")),
    r"\left(" * 7 + "2" + r"\right)" * 7,
    r"\frac{1}{" * 7 + "2" + "}" * 7,
    r"\sin(" * 4 + "2" + ")" * 4,
    "x^{" * 4 + "2" + "}" * 4,
    "|x+" * 5 + "2" + "|" * 5,
    "9^{9^{9^{9}}}",
    "9^{9^9}",
    "9**9**9",
    "2^{100000}",
    "2^{-100000}",
    "(x+1)^{100000}",
    "99999!",
    "(x+y+z+w)^{40}",
    r"\sin(10^{50})",
    "((((2))))",
    r"\binom{1000000}{500000}",
    "((10!)!)!",
    "7" * 101,
    "-" * 20 + "2",
    "+".join(["x"] * 100),
    ",".join(map(str, range(100))),
    "1" + r"\pm 1" * 90,
    "x" + "/x" * 5,
    r"\cup".join(f"[{i},{i + 1})" for i in range(7)),
    r"\log_{2}(" * 4 + "x" + ")" * 4,
    "+".join(rf"\sin({i}x)" for i in range(9)),
    "+".join(f"{i}x" for i in range(45)),
]

CHEAP = [
    "42",
    r"\left(\frac{\sqrt{3}}{2}, \frac{1}{2}\right)",
    r"\frac{1}{2\sqrt{3+\sqrt{5}}}",
    r"e^{x^2}",
    "2^{2^{3}}",
    "2^{2005}",
    "10^{-9}",
    r"\sin(\cos(2x))",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
    "|x-1| + |x+1|",
    "100!",
    "(x+1)^{10}",
    r"\sin^{10}(x)",
    "((x+1)^2+1)^2",
    "1/2, 3/4, 5/6, 7/8, 9/10",
    r"\log_{2}(\log_{3}(x))",
    r"x^5 - x^4 + x^3 - x^2 + x - 1",
    r"(-\infty,-1)\cup(1,2)\cup(2,\infty)",
]


@pytest.mark.parametrize("formula", COSTLY)
def test_costly_formulas_are_refused_without_the_library(monkeypatch, formula: str) -> None:
    monkeypatch.setattr("sfray.tasks.mathematics.call", None)
    assert is_costly(formula)
    assert judge({"answer": r"\sqrt{3}"}, formula).reason in (Reason.TOO_LONG, Reason.BAD_SYNTAX)


@pytest.mark.parametrize("formula", CHEAP)
def test_ordinary_formulas_are_not(formula: str) -> None:
    assert not is_costly(formula)


@given(st.sampled_from(["{", "(", "^", "^{", "**", "9", "!", r"\sin(", "|", "+", ",", " ", r"\left("]))
def test_the_limits_themselves_take_no_time(piece: str) -> None:
    text = (piece * MAX_CHARS)[:MAX_CHARS]
    start = time.process_time()
    is_costly(text)
    assert time.process_time() - start < 0.05
