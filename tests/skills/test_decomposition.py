"""Decomposition: of the question, with its numbers, at the beginning."""

from __future__ import annotations

import pytest

from sfray.prompts import load
from sfray.rejects import RejectReason
from sfray.skills.registry import skill
from tests.skills.rows import ASKED, QUESTION

SKILL = skill("decomposition")


def test_it_is_asked_for_in_the_words_of_the_prompts_file() -> None:
    (turn,) = SKILL.prompt(ASKED, load(), "default")
    assert turn["content"].startswith(f"{QUESTION.text} Say in your own words what is asked, ")
    (turn,) = SKILL.prompt(ASKED, load("paper"), "default")
    assert f"Problem:\n{QUESTION.text}\n\nBreak it down" in turn["content"]


@pytest.mark.parametrize(
    ("sample", "segment", "flaw"),
    [
        ("I have 3, 5 and 8 and need 64. 3 + 5 = 8, 8 * 8 = 64.", "I have 3, 5 and 8 and need 64.", None),
        ("1. Which two give 8?\n2. How does 8 lead to 64?", "1. Which two give 8?\n2. How does 8 lead to 64?", None),
        ("I have 3, 5 and 8 and need 46.", "I have 3, 5 and 8 and need 46.", RejectReason.FOREIGN_NUMBER),
        ("Use each  number at most once.", "Use each  number at most once.", RejectReason.REPEATS_QUESTION),
        ("3 + 5 = 8. Then go on.", "", RejectReason.EMPTY_SEGMENT),
        ("Is it (3 + 5) * 8?", "Is it (3 + 5) * 8?", RejectReason.GIVES_ANSWER),
    ],
)
def test_which_are_shown(sample: str, segment: str, flaw: RejectReason | None) -> None:
    assert SKILL.read(sample, ASKED) == segment
    assert SKILL.flaw(segment, ASKED) is flaw


def test_it_stands_before_everything() -> None:
    assert SKILL.place(["x"] * 3, None) == 0
