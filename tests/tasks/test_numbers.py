"""Numbers: what the normaliser reads, exactly, and what it leaves alone."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.tasks.numbers import MAX_CHARS, judge_number, number_text, parse_number
from sfray.tasks.outcome import Reason


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", 42),
        (" 42\n", 42),
        ("007", 7),
        ("+42", 42),
        ("-42", -42),
        ("−42", -42),
        ("- 42", -42),
        ("1,234", 1234),
        ("1,234,567.50", Fraction(2469135, 2)),
        ("1234567", 1234567),
        ("0.1", Fraction(1, 10)),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("5.0", 5),
        ("3/4", Fraction(3, 4)),
        ("3 / 4", Fraction(3, 4)),
        ("-3/4", Fraction(-3, 4)),
        ("1 1/2", Fraction(3, 2)),
        ("3 1/2", Fraction(7, 2)),
        ("-1 1/2", Fraction(-3, 2)),
        ("1,000 1/2", Fraction(2001, 2)),
        ("$42", 42),
        ("$ 42", 42),
        ("-$42", -42),
        ("$-42", -42),
        ("42$", 42),
        ("42 €", 42),
        ("£1,000.", 1000),
        ("15%", 15),
        ("15 %", 15),
        ("15 percent", 15),
        ("42 apples", 42),
        ("42 apples.", 42),
        ("12 dollars per hour", 12),
        ("5 km/h", 5),
        ("5 km / h", 5),
        ("5  miles  per hour", 5),
        ("$3/hour", 3),
        ("$3 per hour", 3),
        ("$3 a day", 3),
        ("$18 dollars", 18),
        ("5 months", 5),
        ("5 seconds", 5),
        ("12 square feet", 12),
        ("3 m", 3),
        ("5 m^2", 5),
        ("5 m²", 5),
        ("90°", 90),
        ("20 °C", 20),
    ],
)
def test_it_reads(text: str, number: Fraction | int) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "$",
        "%",
        "forty-two",
        "x = 42",
        "1,23",
        "1,2345",
        ",123",
        "12,34,567",
        "1 234",
        "1.2.3",
        "1/0",
        "1/2/3",
        "360 48/1",
        "10 20/1",
        "1 2/2",
        "1 3/2",
        "1 1/0",
        "--5",
        "+-5",
        "$-$5",
        "$5$",
        "5%%",
        "$5%",
        "1e5",
        "1_000",
        "0x10",
        "٣",
        "４２",
        "½",
        "5²",
        "inf",
        "nan",
        "∞",
        "41 or 42",
        "41, 42",
        "41 and 42",
        "10 to 20",
        "5 million",
        "5 Million",
        "3 dozen",
        "5 and a half",
        "5 k",
        "2 pi",
        "5 squared",
        "5 factorial",
        "3 fifths",
        "3 tenths",
        "3 hundredths",
        "$3M",
        "$3B",
        "$3 mil",
        "3 crore",
        "3 below zero",
        "3 negative",
        "3 doubled",
        "3y",
        "3i",
        "3x",
        "3e",
        "3 is wrong",
        "3 maybe four",
        "3 through nine",
        "3 versus four",
        "3 not",
        "3 four",
        "5 times",
        "5 /",
        "$3 / ",
        "$5 apples",
        "5!",
        "2^10",
        "2**10",
        "7 x 6",
        "42 if true",
        "the answer is 42",
        "42\n43",
        "(42)",
        "a b c d 5",
        "5 a b c d",
        "5 apples 6",
        "5 apples, 6 pears",
        "\\boxed{5}",
        "**5**",
        "4 2",
    ],
)
def test_it_reads_nothing_else(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(("text", "number"), [("42", 42), ("$42", 42), ("42%", 42), ("2i", None), ("3 cm", None)])
def test_units_can_be_left_out(text: str, number: int | None) -> None:
    assert parse_number(text, units=False) == number


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("408", Reason.CORRECT),
        ("408.0", Reason.CORRECT),
        ("816/2", Reason.CORRECT),
        ("$408 ", Reason.CORRECT),
        ("408.000001", Reason.WRONG_VALUE),
        ("-408", Reason.WRONG_VALUE),
        ("12 * 34", Reason.BAD_SYNTAX),
        ("408 408", Reason.BAD_SYNTAX),
        ("360 48/1", Reason.BAD_SYNTAX),
        ("4" * (MAX_CHARS + 1), Reason.TOO_LONG),
    ],
)
def test_it_judges_exactly(answer: str, reason: Reason) -> None:
    assert judge_number(Fraction(408), answer).reason is reason


@given(st.integers(-(10**12), 10**12), st.sampled_from(["{}", "{:,}", "{}.", "{:,}.00", " {} ", "{} apples", "{}%"]))
def test_a_number_in_any_dress_is_itself(number: int, form: str) -> None:
    assert parse_number(form.format(number)) == number


@given(st.integers(1, 10**6), st.sampled_from(["${:,}", "€{}", "{} $", "${}.00", "{} dollars"]))
def test_money_is_its_amount(number: int, form: str) -> None:
    assert parse_number(form.format(number)) == number


@given(st.fractions(max_denominator=10**6))
def test_a_fraction_is_read_back(number: Fraction) -> None:
    assert parse_number(str(number)) == number


@given(st.text(alphabet="0123456789.,/+-−$€% abkmx°²^\n", max_size=30))
def test_any_text_is_read_or_not(text: str) -> None:
    number = parse_number(text)
    assert number is None or isinstance(number, Fraction)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (27.0, "27"),
        (2.5, "2.5"),
        (-3.0, "-3"),
        (0, "0"),
        (True, None),
        (float("nan"), None),
        ("7", None),
        (10**30 + 1, f"{10**30 + 1}"),
        (1e23, "1" + "0" * 23),
        (1e-07, "0.0000001"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_numbers_of_data_sets_as_text(value: object, text: str | None) -> None:
    assert number_text(value) == text
