"""Steps and results in worked texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.skills.passages import before_results, numbers, steps
from tests.skills.rows import RIGHT_TEXT, WRONG_TEXT


def test_steps() -> None:
    assert steps(RIGHT_TEXT) == ["3 + 5 = 8", "8 * 8 = 64"]
    assert steps(WRONG_TEXT) == ["Step by step", "3 * 5 = 15", "15 + 8 = 23"]
    listed = "Find x.\n1. Halve 14.\n\nSo it is 7.\n<answer>7</answer> done"
    assert steps(listed) == [
        "Find x",
        "Halve 14",
        "So it is 7",
    ]
    assert steps("<answer>7</answer>") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plan: add 3 and 5, then multiply by 8. 3 + 5 = 8, 8 * 8 = 64.", "Plan: add 3 and 5, then multiply by 8."),
        ("1. Let x = 5.\n2. Double it.", "1. Let x = 5.\n2. Double it."),
        ("1. Add them.\n2. 3 + 5 = 8", "1. Add them."),
        ("- Add them.\n- (3 + 5) = 8", "- Add them."),
        ("I add. <answer>8</answer>", "I add."),
        (r"I add. \boxed{8}", "I add."),
        ("3 + 5 = 8", ""),
        ("  just words ", "just words"),
        ("", ""),
    ],
)
def test_before_results(text: str, expected: str) -> None:
    assert before_results(text) == expected


def test_numbers_without_those_of_a_list() -> None:
    assert numbers("1. Take 3 of 1,200.\n 2) Add 4.5\n- 7") == {"3", "1200", "4.5", "7"}
    assert numbers("none") == set()


@given(st.text(max_size=200))
def test_a_beginning_is_a_beginning(text: str) -> None:
    assert text.strip().startswith(before_results(text))
    assert all(step in text for step in steps(text))


@pytest.mark.parametrize("piece", ["1. ", "= 3", "\n- ", "a. ", " ", "3 = "])
def test_a_long_text_is_read_in_linear_time(piece: str) -> None:
    text = piece * 50_000
    start = time.process_time()
    before_results(text)
    steps(text)
    numbers(text)
    assert time.process_time() - start < 5
