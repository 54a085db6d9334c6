"""The word list: one list, ASCII, the same for everyone who has the pinned package."""

from __future__ import annotations

import importlib.metadata
from importlib.resources import files

import pytest

from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.words import (
    COMMON,
    MAX_CHARS,
    PROPER_NAMES,
    common,
    common_by_initial,
    frequencies,
    is_proper,
    listed,
    read_word,
)


def test_the_list_is_the_pinned_one() -> None:
    assert importlib.metadata.version("pyspellchecker") == "0.9.1"
    assert "MIT" in str(importlib.metadata.metadata("pyspellchecker")["License-Expression"])
    words = frequencies()
    assert len(words) == 128_112 - 4_665
    assert all(w.isascii() and w.isalpha() and w.islower() for w in words)
    assert {"stare", "stares", "rated", "tears"} <= words.keys()
    assert not {"aaaa", "qwer", "Stare"} & words.keys()


def test_proper_names_are_those_that_the_rule_finds() -> None:
    marked = (files("reasoning_gym") / "data" / "words3to10.txt").read_text(encoding="utf-8").split()
    small, capital = ({w.lower() for w in marked if w.islower() is case} for case in (True, False))
    source = listed()
    found = sorted(w for w in source if is_proper(w, small, capital, source.keys()))
    assert PROPER_NAMES.read_text(encoding="ascii").split() == found
    assert {"john", "spanish", "mondays", "romans"} <= set(found)
    assert not {"miles", "kids", "hunters", "carries", "acts", "lead", "even", "okay"} & set(found)


@pytest.mark.parametrize(
    ("word", "proper"),
    [
        ("anna", True),
        ("annas", True),
        ("mark", False),
        ("marks", False),
        ("miles", False),
        ("hunters", False),
        ("carries", False),
        ("table", False),
    ],
)
def test_a_proper_name_is_written_with_a_capital_letter_only(word: str, proper: bool) -> None:
    capital = {"anna", "mark", "miles", "hunter", "carrie"}
    assert is_proper(word, {"mark", "mile", "carry", "table"}, capital, {"hunting": 1}.keys()) is proper


def test_common_words_are_of_the_list_and_sorted() -> None:
    words = common(4, 6)
    assert list(words) == sorted(words)
    assert all(4 <= len(w) <= 6 and frequencies()[w] >= COMMON for w in words)
    grouped = common_by_initial(4, 6)
    assert sorted(w for ws in grouped.values() for w in ws) == list(words)
    assert all(w[0] == initial for initial, ws in grouped.items() for w in ws)


@pytest.mark.parametrize("answer", ["stare", "STARE", " Stare\n"])
def test_case_and_white_space_are_forgiven(answer: str) -> None:
    assert read_word(answer, 4) == "stare"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("star", Reason.WRONG_WORD),
        ("qwert", Reason.WRONG_WORD),
        ("stare.", Reason.BAD_SYNTAX),
        ("stare tears", Reason.BAD_SYNTAX),
        ("sta re", Reason.BAD_SYNTAX),
        ("stare,", Reason.BAD_SYNTAX),
        ("", Reason.BAD_SYNTAX),
        ("ſtare", Reason.BAD_SYNTAX),
        ("\u212aing", Reason.BAD_SYNTAX),
        ("st\u200bare", Reason.BAD_SYNTAX),
        ("stаre", Reason.BAD_SYNTAX),
        ("s" * (MAX_CHARS + 1), Reason.TOO_LONG),
    ],
)
def test_nothing_else_is(answer: str, reason: Reason) -> None:
    assert read_word(answer, 5) == Outcome(False, reason, answer)
