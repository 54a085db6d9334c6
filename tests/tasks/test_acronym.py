"""Acronym: initials in order."""

from __future__ import annotations

import json

import pytest

from sfray.config import SplitConfig
from sfray.tasks.acronym import Acronym
from sfray.tasks.outcome import Reason

GOLD = {"words": ["some", "Trees", "are", "very", "red", "early", "today"], "min_length": 4}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("stare", Reason.CORRECT),
        ("STAR", Reason.CORRECT),
        ("tart", Reason.CORRECT),
        ("rate", Reason.WRONG_WORD),
        ("art", Reason.WRONG_WORD),
        ("tears", Reason.WRONG_WORD),
        ("start", Reason.CORRECT),
        ("staret", Reason.WRONG_WORD),
        ("some", Reason.WRONG_WORD),
        ("s t a r", Reason.BAD_SYNTAX),
    ],
)
def test_each_answer_has_its_reason(answer: str, reason: Reason) -> None:
    assert Acronym.judge(GOLD, answer).reason is reason


def test_a_question_hides_a_common_word_among_others() -> None:
    for row in Acronym({"extra": [3, 3], "longer": [1, 1]}).questions("rl", SplitConfig(["4"], 30), 0):
        gold = json.loads(row.gold)
        assert len(row.answer) == 5
        assert len(gold["words"]) == 8
        assert all(3 <= len(w) <= 8 for w in gold["words"])
        assert f": {', '.join(gold['words'])}. " in row.text


@pytest.mark.parametrize(
    "gold",
    [
        {},
        {"words": [], "min_length": 1},
        {"words": ["a", ""], "min_length": 1},
        {"words": ["a"], "min_length": 2},
        {"words": "abc", "min_length": 1},
        {"words": ["a", 2], "min_length": 1},
        {"words": ["ab"], "min_length": True},
    ],
)
def test_bad_golds_are_named(gold: dict) -> None:
    assert Acronym.gold_problem(gold) is not None
