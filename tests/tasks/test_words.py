"""The word list: one list, ASCII, the same for everyone who has the pinned package."""

from __future__ import annotations

import importlib.metadata

import pytest

from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.words import COMMON, MAX_CHARS, common, common_by_initial, frequencies, read_word


def test_the_list_is_the_pinned_one() -> None:
    assert importlib.metadata.version("pyspellchecker") == "0.9.1"
    assert "MIT" in str(importlib.metadata.metadata("pyspellchecker")["License-Expression"])
    words = frequencies()
    assert len(words) == 128_112
    assert all(w.isascii() and w.isalpha() and w.islower() for w in words)
    assert {"stare", "stares", "rated", "tears"} <= words.keys()
    assert not {"aaaa", "qwer", "Stare"} & words.keys()


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
