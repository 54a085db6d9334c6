"""Letter Countdown: any word of the list that the letters spell."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.config import SplitConfig
from sfray.tasks.letter_countdown import LetterCountdown
from sfray.tasks.outcome import Reason
from sfray.tasks.words import frequencies

GOLD = {"letters": "tsarex", "min_length": 4}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("stare", Reason.CORRECT),
        ("TEARS", Reason.CORRECT),
        ("rate", Reason.CORRECT),
        ("extra", Reason.CORRECT),
        ("treat", Reason.WRONG_WORD),
        ("art", Reason.WRONG_WORD),
        ("rats", Reason.CORRECT),
        ("tsar", Reason.CORRECT),
        ("tsarex", Reason.WRONG_WORD),
        ("house", Reason.WRONG_WORD),
        ("stare, tears", Reason.BAD_SYNTAX),
        ("the word is stare", Reason.BAD_SYNTAX),
        ("s-t-a-r-e", Reason.BAD_SYNTAX),
    ],
)
def test_each_answer_has_its_reason(answer: str, reason: Reason) -> None:
    assert LetterCountdown.judge(GOLD, answer).reason is reason


@given(st.sampled_from(sorted(frequencies())))
def test_any_word_of_the_list_scores_by_its_letters(word: str) -> None:
    expected = len(word) >= 4 and not Counter(word) - Counter("tsarex")
    assert LetterCountdown.judge(GOLD, word).correct is expected


def test_a_question_says_everything() -> None:
    (row,) = LetterCountdown({"extra": [2, 2], "longer": [0, 0]}).questions("sft", SplitConfig(["5"], 1), 0)
    gold = json.loads(row.gold)
    assert len(row.answer) == 5
    assert len(gold["letters"]) == 7
    assert not Counter(row.answer) - Counter(gold["letters"])
    assert row.text == (
        f"Make an English word of at least 5 letters from the letters {', '.join(gold['letters'])}. "
        "Use each letter at most as often as it is listed."
    )


@pytest.mark.parametrize(
    "gold",
    [
        {},
        {"letters": "abC", "min_length": 2},
        {"letters": "ab1", "min_length": 2},
        {"letters": "", "min_length": 1},
        {"letters": "abcd", "min_length": 5},
        {"letters": "abcd", "min_length": "4"},
        {"letters": 5, "min_length": 1},
    ],
)
def test_bad_golds_are_named(gold: dict) -> None:
    assert LetterCountdown.gold_problem(gold) is not None
