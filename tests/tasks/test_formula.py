"""The text of formulas: unwrapped, evened out, told from prose."""

from __future__ import annotations

import pytest

from sfray.tasks.formula import alters, boxed, even, is_prose, plain, stated, unwrap, without_unit


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        (r"so \boxed{42}.", ["42"]),
        (r"\boxed{1} or \boxed{2}", ["1", "2"]),
        (r"\boxed{\frac{1}{2}}", [r"\frac{1}{2}"]),
        (r"\boxed{\boxed{1}}", [r"\boxed{1}"]),
        (r"\boxed{1} \boxed{2", ["1"]),
        ("42", []),
        (r"\boxed{" * 1000, []),
    ],
)
def test_boxes_are_found(text: str, contents: list[str]) -> None:
    assert boxed(text) == contents


@pytest.mark.parametrize(
    ("answer", "formula"),
    [
        ("42", "42"),
        ("$42$", "42"),
        ("$$42$$", "42"),
        (r"\(42\)", "42"),
        (r"\[42\]", "42"),
        (r"\boxed{42}", "42"),
        (r"$\boxed{42}$.", "42"),
        (r"42\%", "42"),
        ("42 %", "42"),
        (r"\$42", r"\$42"),
        ("$41$ or $42$", None),
        (r"\boxed{41} \boxed{42}", None),
        (r"\(41\) \(42\)", None),
        ("the answer is $42$", None),
        (r"42} \boxed{42", None),
        ("}{", None),
        ("{" * 17 + "}" * 17, None),
        ("(" * 17 + "2" + ")" * 17, None),
        ("", None),
        ("$$", None),
    ],
)
def test_one_formula_is_unwrapped(answer: str, formula: str | None) -> None:
    assert unwrap(answer) == formula


@pytest.mark.parametrize(
    ("formula", "evened"),
    [
        (r"1\,234\,567", "1234567"),
        (r"10,\!000", "10,000"),
        (r"1\,2", "1 2"),
        (r"\frac 1 2", r"\frac{1}{2}"),
        (r"\dfrac12", r"\dfrac{1}{2}"),
        (r"\left( 1,\;2 \right)", "( 1, 2 )"),
        ("a \n b", "a b"),
    ],
)
def test_formulas_are_evened_out(formula: str, evened: str) -> None:
    assert even(formula) == evened


@pytest.mark.parametrize(
    ("formula", "text"),
    [("( 1, 2 )", "(1,2)"), (r"\text{(C)}", "C"), ("1 1/2", "1 1/2"), ("4 2", "4 2"), ("2 x", "2x")],
)
def test_spaces_show_only_between_numbers(formula: str, text: str) -> None:
    assert plain(formula) == text


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("x = 42", "42"),
        (r"\theta=1", "1"),
        ("f(x, y) = 2x", "2x"),
        ("no = 42", None),
        ("2x = 42", None),
        ("x=y=1", None),
    ],
)
def test_a_name_may_stand_before_what_is_stated(formula: str, value: str | None) -> None:
    assert stated(formula) == value


@pytest.mark.parametrize(
    ("formula", "rest"),
    [("42 inches", "42"), ("42 square inches", "42"), ("42 million", "42 million"), ("2 pi", r"2 \pi"), ("x", "x")],
)
def test_units_are_left_out(formula: str, rest: str) -> None:
    assert without_unit(formula) == rest


@pytest.mark.parametrize(
    ("formula", "prose"),
    [
        ("", True),
        ("4 2", True),
        ("the answer", True),
        (r"\text{answer}", False),
        (r"\sqrt{2}", False),
        ("arctan x", False),
    ],
)
def test_prose_is_no_formula(formula: str, prose: bool) -> None:
    assert is_prose(formula) is prose


@pytest.mark.parametrize(
    ("formula", "gold", "altered"),
    [
        ("42_5", "42", True),
        ("42_{5}", "42_5", False),
        ("42'", "42", True),
        ("f'(x)", "f'(x) + 1", False),
        (r"42 \mod 50", "42", True),
        (r"42 \text{ cm}", "42", False),
        (r"42 \text{ or } 43", "42", True),
        (r"1 \text{ or } 2", r"2 \text{ or } 1", False),
    ],
)
def test_what_the_library_passes_over_must_be_the_golds(formula: str, gold: str, altered: bool) -> None:
    assert alters(formula, gold) is altered
