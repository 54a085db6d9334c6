"""Golds as they are in MATH and their rewritings: what is equal stays right, whatever is refused at first sight."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sfray.tasks.mathematics import judge

GOLDS: dict[str, tuple[str, ...]] = {
    r"\left( 3, \frac{\pi}{2} \right)": (r"(3,\pi/2)", r"\left(3,\dfrac{1}{2}\pi\right)"),
    "p - q": ("-q + p", "p-q"),
    r"\frac{14}{3}": ("14/3", r"4\frac{2}{3}", r"\dfrac{28}{6}"),
    r"6 - 5i": ("-5i + 6", "6-5i"),
    r"x^2+7x+10": ("(x+2)(x+5)", "10+7x+x^2", "x^2 + 10 + 7x"),
    r"3\sqrt{13}": (r"\sqrt{13}\cdot 3", r"3 \sqrt {13}", r"\sqrt{117}"),
    r"\frac{3\sqrt{3}}{4}": (r"\frac{3}{4}\sqrt{3}", r"3\sqrt{3}/4", r"0.75\sqrt{3}"),
    r"11\sqrt2": (r"11\sqrt{2}", r"\sqrt{2}\cdot 11"),
    r"(-\infty,-2)\cup(3,\infty)": (r"(3,\infty)\cup(-\infty,-2)", r"\left(-\infty,-2\right)\cup\left(3,\infty\right)"),
    r"[-2,7]": (r"-2 \le x \le 7", r"x \in [-2,7]", r"\left[-2, 7\right]"),
    r"\begin{pmatrix} 1/3 \\ 2/3 \\ 5/3 \end{pmatrix}": (
        r"\begin{pmatrix}\frac13\\\frac23\\\frac53\end{pmatrix}",
        r"\begin{bmatrix} 1/3 \\ 2/3 \\ 5/3 \end{bmatrix}",
    ),
    r"\{1\pm\sqrt{5},-2\}": (r"\{-2, 1+\sqrt5, 1-\sqrt5\}", r"1+\sqrt{5}, 1-\sqrt{5}, -2"),
    r"1 \pm \sqrt{19}": (r"1+\sqrt{19}, 1-\sqrt{19}", r"x = 1 \pm \sqrt{19}"),
    r"-\frac{1}{3}x^2 + 2": (r"2 - \frac{x^2}{3}", r"2-x^2/3"),
    r"y = 2x + 3": ("y=3+2x", "y - 3 = 2x", "2x + 3"),
    r"x^3+3x-6": ("-6 + 3x + x^3", "x^3 - 6 + 3x"),
    r"\frac{9}{x^2+1}": (r"9/(x^2+1)", r"\frac{9}{1+x^2}"),
    r"e^{2x}+1": ("1+e^{2x}", r"1+(e^x)^2"),
    r"\sin^2 x": (r"1-\cos^2 x", r"\sin^2(x)"),
    r"\log_2 3": (r"\log_{2}(3)", r"\frac{\ln 3}{\ln 2}"),
    r"2^{n+1}-1": (r"2\cdot 2^n - 1", r"-1 + 2^{n+1}"),
    r"\frac{n(n+1)}{2}": (r"\frac{n^2+n}{2}", r"\binom{n+1}{2}", "n(n+1)/2"),
    r"a^2b+ab^2": ("ab(a+b)", "ab^2 + a^2b"),
    r"(a+5)(b+2)": ("ab+2a+5b+10", "(b+2)(a+5)"),
    r"2\pi r": (r"2r\pi", r"2 \cdot \pi \cdot r"),
    r"16\pi": (r"4^2\pi", r"\pi\cdot 16"),
    r"\sqrt{51}": (r"51^{1/2}", r"\sqrt {51}"),
    r"2 + \sqrt{3}": (r"\sqrt{3}+2", r"\frac{4+2\sqrt3}{2}"),
    r"\frac{1+\sqrt{5}}{2}": (r"(1+\sqrt{5})/2", r"\frac12+\frac{\sqrt5}{2}"),
    r"-2,1": ("1,-2", r"x=-2 \text{ or } x=1", r"1 \text{ and } -2"),
    r"(6,31,-1)": (r"\left(6,\,31,\,-1\right)", r"\langle 6,31,-1\rangle", "(2\\cdot 3,31,-1)"),
    r"|x-3|": ("|3-x|", r"\left|x-3\right|"),
    r"10 \text{ red marbles}": (r"10 \text{ marbles}", "10", "10 red marbles"),
    r"12 \text{ zorbs}": ("12", "12 zorbs", r"12\text{ zorbs}"),
    r"\text{even}": ("even", r"\textbf{even}"),
    r"90^\circ": ("90", "90 degrees", r"\angle ABC = 90^\circ"),
    r"x \ge 4": ("x >= 4", "4 <= x", r"x \geq 4"),
    r"\frac{x+2}{7}": ("(x+2)/7", r"\frac{1}{7}(x+2)", r"\frac x7 + \frac27"),
    r"z^2-2z+5": (r"(z-1)^2+4", "5-2z+z^2"),
}
"""Gold -> other ways to write it."""

DRESS: dict[str, Callable[[str], str]] = {
    "plain": lambda a: a,
    "dollars": lambda a: f"${a}$",
    "period": lambda a: f"{a}.",
    "boxed": lambda a: rf"\boxed{{{a}}}",
    "boxed_in_dollars": lambda a: rf"$\boxed{{{a}}}$",
    "bold": lambda a: f"**{a}**",
    "brackets": lambda a: rf"\[{a}\]",
    "spaces": lambda a: f"  {a} \n",
    "large_fractions": lambda a: a.replace(r"\frac", r"\dfrac"),
    "thin_space": lambda a: a.replace("+", r"\,+\,"),
}


@pytest.mark.parametrize("gold", GOLDS)
def test_every_rewriting_of_a_gold_is_right(gold: str) -> None:
    wrong = [
        (name, answer, outcome.reason.value)
        for answer in (gold, *GOLDS[gold])
        for name, dress in DRESS.items()
        if not (outcome := judge({"answer": gold}, dress(answer))).correct
    ]
    assert wrong == []


def test_no_rewriting_of_one_gold_is_right_for_another() -> None:
    same = {(r"-2,1", r"-2,1")}
    paid = [
        (gold, answer)
        for gold in GOLDS
        for other, answers in GOLDS.items()
        for answer in answers
        if gold != other and (gold, other) not in same and judge({"answer": gold}, answer).correct
    ]
    assert paid == []
