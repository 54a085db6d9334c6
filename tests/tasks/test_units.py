"""Which words leave the number before them alone."""

from __future__ import annotations

import pytest

from sfray.tasks.units import agree, canonical, is_named, is_unit, leaves_value


@pytest.mark.parametrize(
    "word", ["apples", "cookies", "ties", "km", "m", "m^2", "m²", "°C", "per", "percent", "months", "seconds", "L", "a"]
)
def test_units(word: str) -> None:
    assert is_unit(word)


@pytest.mark.parametrize(
    "word",
    [
        "million",
        "Fifths",
        "k",
        "x",
        "i",
        "e",
        "or",
        "NOT",
        "wrong",
        "seven",
        "doubled",
        "m^4",
        "3",
        "",
        "a-b",
        "é",
        "t^2",
        "s^2",
        "x²",
        "M",
        "T",
        "trillionth",
        "Trillionths",
        "quadrillion",
        "sixteenths",
        "fiftieth",
        "thousandths",
        "nope",
    ],
)
def test_no_units(word: str) -> None:
    assert not is_unit(word)


@pytest.mark.parametrize("word", ["zorbs", "frobnicate", "sixteen", "42nd"])
def test_a_word_of_no_list_is_a_unit_only_where_the_gold_has_it(word: str) -> None:
    assert not is_unit(word)
    assert is_unit(word, known={word}) is (word in ("zorbs", "frobnicate"))


@pytest.mark.parametrize("word", ["million", "trillionth", "nope", "wrong", "sixteenths"])
def test_what_changes_a_number_is_no_unit_of_a_gold_either(word: str) -> None:
    assert not is_unit(word, known={word})


def test_only_a_rate_has_squared_seconds() -> None:
    assert leaves_value(["m", "per", "s^2"], money=False)
    assert not leaves_value(["s^2"], money=False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["cm", "square"], ["cm^2"], False),
        (["square", "cm"], ["cm^2"], True),
        (["cm"], ["cm^2"], False),
        (["square", "units"], ["cm^2"], True),
        (["red", "marbles"], ["marbles"], True),
        (["teachers"], ["students"], False),
        (["years", "old"], ["years"], True),
        (["mps"], ["m", "per", "second"], True),
        (["J"], ["joules"], True),
        (["cents"], ["dollars"], False),
    ],
)
def test_units_that_agree(one: list[str], other: list[str], same: bool) -> None:
    assert agree(canonical(one), canonical(other)) is same
    assert agree(canonical(other), canonical(one)) is same


@pytest.mark.parametrize(
    ("words", "number", "amount"),
    [
        ([], True, True),
        (["apples"], True, False),
        (["dollars"], True, True),
        (["per", "hour"], True, True),
        (["dollars", "per", "hour"], True, True),
        (["per"], True, False),
        (["M"], False, False),
        (["big", "red", "apples"], True, False),
        (["big", "red", "sweet", "apples"], False, False),
        (["dozen", "eggs"], False, False),
    ],
)
def test_money_takes_its_name_and_what_it_is_paid_for(words: list[str], number: bool, amount: bool) -> None:
    assert (leaves_value(words, money=False), leaves_value(words, money=True)) == (number, amount)


@pytest.mark.parametrize("word", ["cm", "Inches", "feet", "m", "L", "°", "cm^2", "sq", "mph", "dollars"])
def test_units_by_name(word: str) -> None:
    assert is_named(word)


@pytest.mark.parametrize("word", ["x", "M", "a", "an", "c", "e", "ab", "apples", "", "million"])
def test_no_units_by_name(word: str) -> None:
    assert not is_named(word)


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ("", ()),
        ("cm", ("cm",)),
        ("Centimeters", ("cm",)),
        ("inches", ("in",)),
        ("inch", ("in",)),
        ("lbs", ("lb",)),
        ("minutes", ("min",)),
        ("cm^2", ("cm^2",)),
        ("square centimetres", ("cm^2",)),
        ("sq cm", ("cm^2",)),
        ("cubic feet", ("ft^3",)),
        ("square", ("^2",)),
        ("mph", ("mi", "per", "h")),
        ("miles an hour", ("mi", "per", "h")),
        ("miles per hour", ("mi", "per", "h")),
        ("° C", ("°", "c")),
        ("degrees Celsius", ("°", "c")),
        ("$", ("$",)),
        ("dollars", ("$",)),
        ("cents", ("cent",)),
        ("apples", ("appl",)),
        ("apple", ("appl",)),
    ],
)
def test_units_have_one_spelling(words: str, unit: tuple[str, ...]) -> None:
    assert canonical(words.split()) == unit
