"""Golds as they are in MATH and their rewritings: what is equal stays right, whatever is refused at first sight."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.rewritings import confused, handed_back, refused, rewritings
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


SPELLINGS: dict[str, tuple[str, str]] = {
    "style": (r"\frac{14}{3}", r"\displaystyle \frac{14}{3}"),
    "text_style": ("42", r"\textstyle 42"),
    "brackets_around": (r"\frac{14}{3}", r"(\frac{14}{3})"),
    "braces_around": (r"90^\circ", r"{90^\circ}"),
    "quotient_of_brackets": (r"\frac{14}{3}", "(14)/(3)"),
    "negative_quotient_of_brackets": (r"-\frac{14}{3}", "(-14)/(3)"),
    "vulgar_fraction": (r"\frac{1}{2}", "½"),
    "mixed_vulgar_fraction": (r"\frac{7}{2}", "3½"),
    "continued_fraction": (r"\frac{14}{3}", r"\cfrac{14}{3}"),
    "over": (r"\frac{11+9a}{20}", r"{11+9a \over 20}"),
    "degree": (r"90^\circ", r"90\degree"),
    "raised_degree": (r"90^\circ", r"90^{\degree}"),
    "star_power": ("x^5 - x^4", "x**5 - x**4"),
    "long_star_power": ("x^{12} + 1", "x**12 + 1"),
    "dot_before_i": ("6 - 5i", r"6 - 5 \cdot i"),
    "star_before_i": ("6 - 5i", "6 - 5*i"),
    "root_before_i": (r"\sqrt{3}i", r"\sqrt{3} \cdot i"),
    "base_in_text": ("52_8", r"52_{\text{8}}"),
    "names_of_a_pair": ("(-2,1)", "(x, y) = (-2, 1)"),
    "names_of_a_triple": ("(6,31,-1)", "(a,b,c) = (6,31,-1)"),
    "segment": ("5", r"\overline{AB} = 5"),
    "quantity": ("5", "Area = 5"),
    "quantity_in_text": ("5", r"\text{surface area} = 5"),
    "subscript_in_text": ("5", r"x_{\text{max}} = 5"),
    "tuple_in_the_order_of_a_list": ("1,-2", "(1,-2)"),
    "name_of_what_the_library_cannot_read": (r"\lceil n / 2\rceil+1", r"a_n = \lceil n / 2\rceil+1"),
}
"""Gold and answer: other spellings of the same."""

MISREADINGS: dict[str, tuple[str, str]] = {
    "other_fraction": (r"\frac{1}{2}", "⅓"),
    "other_base": ("52_8", r"52_{\text{9}}"),
    "work_in_brackets": ("42", "(6*7)"),
    "work_in_a_quotient": ("18", "(36)/(2)"),
    "work_in_braces": ("70", r"{8 \choose 4}"),
    "quotient_upside_down": (r"\frac{14}{3}", "(3)/(14)"),
    "names_in_another_order": ("(1,2)", "(y,x) = (1,2)"),
    "too_few_names": ("(1,2,3)", "(x,y) = (1,2,3)"),
    "two_tuples": ("(2,3)", "(x,y) = (2,3) = (4,5)"),
    "names_of_an_interval": (r"(2,\infty)", r"(x,y) = (2,\infty)"),
    "tuple_in_another_order_than_a_list": ("1,-2", "(-2,1)"),
    "no_quantity": ("42", r"\text{not} = 42"),
    "doubtful_quantity": ("42", "area not = 42"),
    "real_for_imaginary": ("6i", "6"),
    "imaginary_for_real": ("6", r"6 \cdot i"),
}
"""Gold and answer: what those spellings must not let through."""


@pytest.mark.parametrize(("gold", "answer"), SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("dressed", ["plain", "boxed", "boxed_in_dollars", "period"])
def test_another_spelling_is_right(gold: str, answer: str, dressed: str) -> None:
    assert judge({"answer": gold}, DRESS[dressed](answer)).correct


@pytest.mark.parametrize(("gold", "answer"), MISREADINGS.values(), ids=MISREADINGS)
@pytest.mark.parametrize("dressed", ["plain", "boxed"])
def test_what_only_looks_like_it_is_wrong(gold: str, answer: str, dressed: str) -> None:
    assert not judge({"answer": gold}, DRESS[dressed](answer)).correct


def test_a_gold_that_the_question_holds_may_be_written_in_another_way() -> None:
    gold = {"answer": "2n", "asked": ["2n"]}
    assert judge(gold, r"2 \cdot n").correct
    assert not judge({"answer": "42", "asked": ["67"]}, "6*7").correct


def test_a_tuple_may_have_the_names_of_the_question() -> None:
    gold = {"answer": r"(3, \frac{\pi}{2}, 1)", "asked": [r"(\rho,\theta,\phi)"]}
    assert judge(gold, r"(\rho, \theta, \phi) = (3, \frac{\pi}{2}, 1)").correct
    assert not judge(gold, r"(\theta, \rho, \phi) = (3, \frac{\pi}{2}, 1)").correct


@pytest.mark.parametrize("gold", ["42", "1234", r"\frac{14}{3}", "-2,1", r"90^\circ", r"\text{Evelyn}", "x^2+7x+10"])
def test_the_benchmark_makes_twenty_rewritings_that_are_right(gold: str) -> None:
    texts = [text for _, text in rewritings(gold, 20)]
    assert len(set(texts)) == len(texts) >= 20
    assert [text for text in texts if not judge({"answer": gold}, text).correct] == []


def test_the_benchmark_counts_what_is_judged_wrongly() -> None:
    data = [("Simplify $6 \\cdot 7$.", "42"), ("What is $7$ in base ten?", "7"), ("Name it.", "x = 7")]
    assert refused(data, 20)["wrong"] == []
    assert confused(data, 20, 3)["right"] == [("gold", "7", "x = 7"), ("gold", "x = 7", "7")]
    assert handed_back(data)["right"] == [("7", "7")]
