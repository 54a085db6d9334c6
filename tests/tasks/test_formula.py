"""The text of formulas: unwrapped, evened out, told from prose."""

from __future__ import annotations

import pytest

from sfray.tasks.formula import (
    alters,
    boxed,
    confuses,
    element,
    even,
    is_prose,
    measured,
    number_of,
    plain,
    restates,
    stated,
    unwrap,
)


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
        (r"42\%", r"42\%"),
        (r"\$42", r"\$42"),
        ("$42", r"\$42"),
        ("-$42", r"-\$42"),
        (r"1\\(2)", r"1\\(2)"),
        (r"1\\[4pt]2", r"1\\[4pt]2"),
        ("$x", None),
        ("42$", None),
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
        (r"1~\quad 2", "1 2"),
        (r"\begin{pmatrix} 1 \\ 2 \\[4pt] 3 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \\ 3 \end{pmatrix}"),
        ("1{,}000", "1,000"),
        ("90°", r"90^\circ"),
        (r"90^{\circ}", r"90^\circ"),
        ("20 °C", r"20 ^\circ C"),
        ("x² + y³", "x^2 + y^3"),
        ("√2", r"\sqrt{2}"),
        ("3√12/2", r"3\sqrt{12}/2"),
        ("√(x+1) + √{y} + √z", r"\sqrt{x+1} + \sqrt{y} + \sqrt{z}"),
        ("√π", r"\sqrt{\pi}"),
        ("√", "√"),
        ("−1·x∈(-∞,2)∪(3,4)", r"-1\cdot x\in (-\infty ,2)\cup (3,4)"),
        ("2 pi", r"2 \pi"),
        ("pick", "pick"),
        ("(101)_2", "101_2"),
        ("(x)_2", "(x)_2"),
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
    ("formula", "value"), [(r"x \in (1,2)", "(1,2)"), (r"\theta\in[0,1]", "[0,1]"), (r"x \int", r"x \int"), ("x", "x")]
)
def test_what_is_in_a_set_is_left_out(formula: str, value: str) -> None:
    assert element(formula) == value


@pytest.mark.parametrize(
    ("formula", "number"),
    [
        (r"\frac{1}{2}", "1/2"),
        (r"-1\frac{1}{2}", "-1 1/2"),
        (r"10 \dfrac{20}{1}", "10 20/1"),
        (r"\$42", "$42"),
        (r"x\frac{1}{2}", r"x\frac{1}{2}"),
        (r"\frac{x}{2}", r"\frac{x}{2}"),
    ],
)
def test_fractions_of_numbers_are_written_as_numbers(formula: str, number: str) -> None:
    assert number_of(formula) == number


@pytest.mark.parametrize(
    ("formula", "value", "unit"),
    [
        ("42 inches", "42", ("in",)),
        ("42 square inches", "42", ("in^2",)),
        ("42 apples", "42", ("appl",)),
        ("15cm^2", "15", ("cm^2",)),
        ("15 cm^{2}", "15", ("cm^2",)),
        (r"15 \text{ cm}^2", "15", ("cm^2",)),
        (r"15\mbox{ cm}^{2}", "15", ("cm^2",)),
        (r"15 \text{ sq. cm}", "15", ("cm^2",)),
        (r"10 \text{ m}/\text{s}", "10", ("m", "per", "s")),
        ("10 km/h", "10", ("km", "per", "h")),
        (r"90^\circ", "90", ("°",)),
        (r"20 ^\circ C", "20", ("°", "c")),
        (r"20^\circ\text{C}", "20", ("°", "c")),
        (r"42\%", "42", ("percent",)),
        ("42 %", "42", ("percent",)),
        (r"\$12", "12", ("$",)),
        (r"-\$12 dollars", "-12", ("$",)),
        (r"\$3 \text{ per hour}", "3", ("$", "per", "h")),
        (r"2\pi \text{ cm}", r"2\pi", ("cm",)),
        (r"3\sqrt{2} m", r"3\sqrt{2}", ("m",)),
        ("3m", "3", ("m",)),
        (r"2x \text{ cm}", "2x", ("cm",)),
        ("42 million", "42 million", ()),
        ("3 million dollars", "3 million dollars", ()),
        (r"\$3m", r"\$3m", ()),
        (r"\$3M", "3M", ("$",)),
        (r"42 \text{ or } 43", r"42 \text{ or } 43", ()),
        (r"\text{Evelyn}", r"\text{Evelyn}", ()),
        ("3x", "3x", ()),
        ("2ab", "2ab", ()),
        ("p - s", "p - s", ()),
        (r"x + 3\sin t", r"x + 3\sin t", ()),
        ("5/m", "5/m", ()),
        (r"2 \pi", r"2 \pi", ()),
        ("x", "x", ()),
        ("cm", "cm", ()),
    ],
)
def test_a_value_has_a_unit_or_none(formula: str, value: str, unit: tuple[str, ...]) -> None:
    assert measured(formula) == (value, unit)


@pytest.mark.parametrize(
    ("formula", "value", "unit"),
    [("3m", "3m", ()), ("3 m^2", "3 m^2", ()), ("3 cm", "3", ("cm",)), (r"3 \text{ m}", "3", ("m",))],
)
def test_a_letter_alone_may_be_a_variable(formula: str, value: str, unit: tuple[str, ...]) -> None:
    assert measured(formula, letters=False) == (value, unit)


@pytest.mark.parametrize(
    ("formula", "prose"),
    [
        ("", True),
        ("4 2", True),
        ("the answer", True),
        (r"\text{answer}", False),
        (r"\sqrt{2}", False),
        ("arctan x", False),
        (r"\begin{pmatrix}-2\\-14\end{pmatrix}", False),
        (r"\begin{array}{cccc}1&2&3&4\end{array}", False),
        (r"\begin{the answer}", True),
        (r"1\frac{1}{2}", False),
        (r"10\frac{20}{1}", True),
        (r"(10\frac{2}{2}, 3)", True),
        (r"x^2\frac{3}{2}", False),
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
        (r"1 \text{ and } 2", "1, 2", False),
        ("1, 2", r"1 \text{ or } 2", False),
        ("3", r"3 \text{ million}", True),
        (r"3 \text{ million}", r"3 \text{ million}", False),
        ("a", r"\text{(A)}", False),
        ("(42)_{1}", "42", True),
        (r"42\ldots", "42", True),
        (r"1,2,\dots", r"1, 2, \dots", False),
    ],
)
def test_what_the_library_passes_over_must_be_the_golds(formula: str, gold: str, altered: bool) -> None:
    assert alters(formula, gold) is altered


@pytest.mark.parametrize(
    "formula",
    [
        r"\binom{8}{4}",
        r"{8 \choose 4}",
        "8!/(4!4!)",
        r"\int_0^{42} 1 dx",
        r"\iint 1",
        r"\lim_{x\to 42} x",
        r"\sum_{i=1}^{42} 1",
        r"\prod_{i=6}^7 i",
        r"\max(1,42)",
        "max(1, 42)",
        r"\operatorname{max}(1,42)",
        r"\text{lcm}(6, 14)",
        r"\min\{42, 43\}",
        r"\lfloor 42.5 \rfloor",
        r"\Gamma(5)",
        r"\frac{d}{dx}(42x)",
        r"\frac{\mathrm{d}^{2}}{\mathrm{d}x^2} 21x^2",
        r"\frac{\partial f}{\partial x}",
        "d/dx (42x)",
        r"\begin{vmatrix} 6 & 0 \\ 0 & 7 \end{vmatrix}",
    ],
)
def test_what_is_left_to_be_worked_out_is_no_answer(formula: str) -> None:
    assert restates(formula, "42")
    assert not restates(formula, formula)


@pytest.mark.parametrize(
    ("formula", "gold", "restated"),
    [
        (r"n(n-1)!", "n!", False),
        (r"\frac{n!}{2(n-2)!}", r"\binom{n}{2}", False),
        ("2^{10}", "1024", False),
        (r"\sqrt{1764}", "42", False),
        ("5 min", "5", False),
        (r"(-\infty, \inf)", "x", True),
        (r"(-\infty, 3)", "x", False),
        (r"\frac{a}{d}", "x", False),
        ("3x + 1 = 16", "x = 5", True),
        ("x - 5 = 0", "x = 5", True),
        ("5 = x", "x = 5", False),
        ("5", "x = 5", False),
        ("2x > 10", "x > 5", True),
        ("5 < x", "x > 5", False),
        (r"2 < 2x \le 4", r"1 < x \leq 2", True),
        ("y - 3 = 2x", "y = 2x + 3", False),
        ("x = 1, x = 2", "x = 2, x = 1", False),
    ],
)
def test_a_question_is_no_answer(formula: str, gold: str, restated: bool) -> None:
    assert restates(formula, gold) is restated


@pytest.mark.parametrize(
    ("one", "other", "confused"),
    [
        (r"\{1,2\}", "(1,2)", True),
        (r"\{1,2\}", "[1,2)", True),
        (r"\{1,2,3\}", "(1,2,3)", True),
        (r"\{1,2\}", "1,2", False),
        ("(1,2)", "1,2", False),
        (r"\{1,2\}", r"\{2,1\}", False),
        (r"\{1\}", "(1)", False),
        ("(1,2),(3,4)", r"\{1,2\},\{3,4\}", True),
        ("(1,2),(3,4)", r"\{(3,4),(1,2)\}", False),
        (r"(1,2)\cup(3,4)", r"\mathbb{R}\setminus\{1,2\}", False),
        (r"(3,\frac{\pi}{2})", r"\{3,\frac{\pi}{2}\}", True),
        ("((((", "))))", False),
    ],
)
def test_a_set_is_no_ordered_pair(one: str, other: str, confused: bool) -> None:
    assert confuses(one, other) is confused
    assert confuses(other, one) is confused
