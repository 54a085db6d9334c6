"""Reflection: valid when the verdict agrees with the verifier, and right after its attempt."""

from __future__ import annotations

import pytest

from sfray.grammar import Segment
from sfray.prompts import load
from sfray.rejects import RejectReason
from sfray.skills.registry import skill
from tests.skills.rows import QUESTION, RIGHT, RIGHT_TEXT, WRONG

SKILL = skill("reflection")


def test_it_is_asked_for_as_the_prompts_file_says() -> None:
    words = load()
    assert SKILL.prompt(RIGHT, words, "default") == words.reflection("default", QUESTION.text, RIGHT_TEXT)


@pytest.mark.parametrize(
    ("text", "on_right", "on_wrong"),
    [
        ("<verdict>Correct</verdict>", None, RejectReason.INVALID_REFLECTION),
        ("<verdict>Incorrect</verdict>", RejectReason.INVALID_REFLECTION, None),
        ("It holds.", RejectReason.MISSING_VERDICT, RejectReason.MISSING_VERDICT),
        ("<verdict>perhaps</verdict>", RejectReason.UNREADABLE_VERDICT, RejectReason.UNREADABLE_VERDICT),
    ],
)
def test_the_verdict_agrees_with_the_verifier(
    text: str, on_right: RejectReason | None, on_wrong: RejectReason | None
) -> None:
    assert SKILL.flaw(text, RIGHT) is on_right
    assert SKILL.flaw(text, WRONG) is on_wrong


def test_it_follows_its_attempt() -> None:
    trace = [Segment("attempt", "a"), "Again.", Segment("attempt", "b")]
    assert [SKILL.place(trace, at) for at in (0, 2, None)] == [1, 3, None]
