"""Which words leave the number before them alone."""

from __future__ import annotations

import pytest

from sfray.tasks.units import is_unit, leaves_value


@pytest.mark.parametrize(
    "word", ["apples", "km", "m", "m^2", "m²", "°C", "per", "percent", "months", "seconds", "L", "a"]
)
def test_units(word: str) -> None:
    assert is_unit(word)


@pytest.mark.parametrize(
    "word",
    ["million", "Fifths", "k", "x", "i", "e", "or", "NOT", "wrong", "seven", "doubled", "m^4", "3", "", "a-b", "é"],
)
def test_no_units(word: str) -> None:
    assert not is_unit(word)


@pytest.mark.parametrize(
    ("words", "number", "amount"),
    [
        ([], True, True),
        (["apples"], True, False),
        (["dollars"], True, True),
        (["per", "hour"], True, True),
        (["dollars", "per", "hour"], True, True),
        (["per"], True, False),
        (["M"], True, False),
        (["big", "red", "apples"], True, False),
        (["big", "red", "sweet", "apples"], False, False),
        (["dozen", "eggs"], False, False),
    ],
)
def test_money_takes_its_name_and_what_it_is_paid_for(words: list[str], number: bool, amount: bool) -> None:
    assert (leaves_value(words, money=False), leaves_value(words, money=True)) == (number, amount)
