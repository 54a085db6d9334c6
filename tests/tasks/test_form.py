"""An answer, and not the question handed back; the same answer in other notations."""

from __future__ import annotations

import json

import pytest

from sfray.tasks.form import asked, brings_in, lacks_sets, miscounts
from sfray.tasks.mathematics import Math500, gold_of, gold_problem, judge
from sfray.tasks.outcome import Reason


def test_the_formulas_of_a_question_travel_with_its_gold() -> None:
    assert asked(r"Let $f(x) = x^2 + 1$. Find \(2 \cdot 3\) and \[\frac12\] for $x$.") == [
        "f(x)=x^2+1",
        "f(x)",
        "x^2+1",
        "23",
        r"\frac12",
    ]
    assert gold_of("What?", "2") == {"answer": "2"}
    draft = Math500().draft({"problem": "Simplify $2x + 3x$.", "answer": "5x"})
    assert json.loads(draft.gold) == {"answer": "5x", "asked": ["2x+3x"]}


@pytest.mark.parametrize(
    ("question", "gold", "answer", "correct"),
    [
        ("Simplify $(2x+3) + (4x+5)$.", "6x+8", "(2x + 3)+(4x+5)", False),
        ("Simplify $(2x+3) + (4x+5)$.", "6x+8", "8+6x", True),
        ("Factor $x^2 - 1$.", "(x-1)(x+1)", "x^2-1", False),
        ("Expand $y = (x+1)(x+2)$.", "x^2+3x+2", "(x+1)(x+2)", False),
        ("Simplify $\\sqrt{180}$.", r"6\sqrt5", r"\sqrt{180}", False),
        ("Is $\\frac{x}{2}$ or $x$ larger?", "x/2", r"\frac{x}{2}", True),
        ("Which of $3/4$ and $2/3$ is larger?", r"\frac{3}{4}", "3/4", True),
    ],
)
def test_the_question_handed_back_is_no_answer(question: str, gold: str, answer: str, correct: bool) -> None:
    assert judge(gold_of(question, gold), answer).correct is correct
    assert judge(gold_of(question, gold), gold).correct


@pytest.mark.parametrize(
    ("gold", "answer", "reason"),
    [
        ("42", "6*7", Reason.BAD_SYNTAX),
        ("42", r"6 \cdot 7", Reason.BAD_SYNTAX),
        ("42", r"\sqrt{1764}", Reason.BAD_SYNTAX),
        ("18", "36/2", Reason.BAD_SYNTAX),
        ("18", r"\frac{36}{2}", Reason.BAD_SYNTAX),
        ("42", "40 + 2", Reason.BAD_SYNTAX),
        ("x+1", "X+1", Reason.WRONG_VALUE),
        ("2a", "2A", Reason.WRONG_VALUE),
        ("(1,2)", "1, 2", Reason.WRONG_VALUE),
        (r"\{1,2\}", r"\{1,1,2\}", Reason.WRONG_VALUE),
        ("1,2", "1, 2, 2", Reason.WRONG_VALUE),
        ("f''(x)", "f'(x)", Reason.BAD_SYNTAX),
        ("y = 2x + 3", "0 = 0", Reason.BAD_SYNTAX),
        ("y = 2x + 3", "y = y", Reason.BAD_SYNTAX),
        ("a=3, b=4", "4, 3", Reason.WRONG_VALUE),
        ("a=3, b=4", "a=4, b=3", Reason.WRONG_VALUE),
        (r"(-2,7]", r"-2 \le x \le 7", Reason.WRONG_VALUE),
        ("(3,4)", "x=4, y=3", Reason.WRONG_VALUE),
        (r"\frac{3}{4}", r"7.5\%", Reason.WRONG_VALUE),
        (r"\frac{1}{3}", r"0.3\overline{4}", Reason.WRONG_VALUE),
        (r"\text{even}", "Odd", Reason.WRONG_VALUE),
    ],
)
def test_other_answers_are_not_rewarded(gold: str, answer: str, reason: Reason) -> None:
    assert judge({"answer": gold}, answer).reason is reason
    assert judge({"answer": gold}, gold).correct


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"x \le 5", "x <= 5"),
        (r"x \geq 5", "x >= 5"),
        (r"x \neq 5", "x != 5"),
        ("5", "f(2) = 5"),
        ("(3,4)", "x=3, y=4"),
        ("1,2", "x=1 or x=2"),
        ("1,2", r"x = 2 \text{ or } x = 1"),
        ("5", "|AB| = 5"),
        ("90", r"\angle ABC = 90^\circ"),
        (r"\frac{3}{4}", r"75\%"),
        ("[-2,7]", r"-2 \le x \le 7"),
        ("(2,7]", r"2 < x <= 7"),
        (r"(2,\infty)", "x > 2"),
        (r"(-\infty,3]", "x <= 3"),
        ("(1,2)", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("(1,2)", r"\langle 1, 2 \rangle"),
        (r"\emptyset", "∅"),
        (r"\emptyset", r"\varnothing"),
        (r"\frac{1}{3}", r"0.\overline{3}"),
        (r"\frac{1}{6}", r"0.1\overline{6}"),
        ("10^{-9}", "10^-9"),
        (r"\text{even}", "Even"),
        (r"\text{even}", r"\textnormal{even}"),
        (r"\text{even}", r"\textrm{even}"),
        ("42", r"\boxed{\boxed{42}}"),
        ("42", "**42**"),
        ("42", r"\mathbf{42}"),
        (r"11,\! 111,\! 111,\! 100", "11111111100"),
        (r"\mathrm{e}^2", "e^2"),
        (r"2\mathrm{e}", "2e"),
        ("a=3, b=4", "b = 4, a = 3"),
        ("a=3, b=4", "3, 4"),
    ],
)
def test_the_same_answer_in_another_notation_is_right(gold: str, answer: str) -> None:
    assert gold_problem({"answer": gold}) is None
    assert judge({"answer": gold}, answer).reason is Reason.CORRECT


@pytest.mark.parametrize("gold", ["nan", "NaN", "None", "null", "N/A"])
def test_a_missing_value_is_no_gold(gold: str) -> None:
    assert "missing value" in str(gold_problem({"answer": gold}))


@pytest.mark.parametrize(
    ("gold", "answer", "refused"),
    [
        (r"\frac{\sqrt{3}}{2}", "x+1", True),
        (r"\frac{\sqrt{3}}{2}", r"\sqrt{3}/2", False),
        (r"\frac{\sqrt{3}}{2}", r"[0,1)\cup[2,3)", True),
        ("x^2+1", "x^2+y", True),
        ("x^2+1", r"e^{i\pi}+x^2", False),
        ("x^2+1", r"\ln(x)", False),
        ("x > 5", "y", False),
        (r"\text{even}", "x", False),
        ("[0,1]", r"x \in [0,1]", False),
    ],
)
def test_a_variable_that_the_gold_has_not_makes_another_value(gold: str, answer: str, refused: bool) -> None:
    assert brings_in(answer, gold) is refused


@pytest.mark.parametrize(
    ("gold", "answer", "refused"),
    [
        (r"(-\infty,1)\cup(2,3)", "x+1", True),
        (r"(-\infty,1)\cup(2,3)", "x<1", False),
        (r"(-\infty,1)\cup(2,3)", "[0,1]", False),
        (r"\{1\}\cup\{2\}", "1, 2", False),
        (r"\mathbb{R}\setminus\{1\}", r"\mathbb{R}", False),
        ("x+1", "x+2", False),
    ],
)
def test_a_union_is_no_single_value(gold: str, answer: str, refused: bool) -> None:
    assert lacks_sets(answer, gold) is refused


@pytest.mark.parametrize(
    ("gold", "answer", "refused"),
    [
        ("42", "1,2,3", True),
        ("(1,2)", "(1,2,3)", True),
        (r"1\pm\sqrt{2}", r"1+\sqrt{2}, 1-\sqrt{2}", False),
        ("1,2", r"1 \text{ and } 2", False),
        (r"(0,1)\cup(2,3)", "(0,1),(2,3)", False),
        (r"(0,1)\cup(2,3)", ",".join(map(str, range(20))), True),
    ],
)
def test_a_list_has_as_many_items_as_its_gold(gold: str, answer: str, refused: bool) -> None:
    assert miscounts(answer, gold) is refused
