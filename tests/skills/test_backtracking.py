"""Backtracking: from an incorrect attempt, to a step that it has, before the next attempt."""

from __future__ import annotations

import pytest

from sfray.grammar import Segment
from sfray.prompts import load
from sfray.rejects import RejectReason
from sfray.skills.registry import skill
from tests.skills.rows import QUESTION, RIGHT, WRONG, WRONG_TEXT, subject

SKILL = skill("backtracking")
A, R, PLAN = Segment("attempt", "a"), Segment("reflection", "r"), Segment("planning", "p")


def test_it_is_asked_for_in_the_words_of_the_prompts_file() -> None:
    (turn,) = SKILL.prompt(WRONG, load(), "default")
    assert turn["content"].startswith(f"{QUESTION.text}\n\nHere is an attempt:\n{WRONG_TEXT}\n\n")
    (turn,) = SKILL.prompt(WRONG, load("paper"), "default")
    assert f"Solution:\n{WRONG_TEXT}\n\nFind the last step" in turn["content"]


def test_only_incorrect_attempts_of_several_steps_are_gone_back_from() -> None:
    assert SKILL.unusable(WRONG) is None
    assert SKILL.unusable(RIGHT) is RejectReason.ATTEMPT_CORRECT
    assert SKILL.unusable(subject("3 * 5 = 15. <answer>3 * 5</answer>")) is RejectReason.TOO_FEW_STEPS
    assert SKILL.unusable(subject(WRONG_TEXT, finish="length")) is RejectReason.ATTEMPT_TRUNCATED


@pytest.mark.parametrize(
    ("sample", "read"),
    [
        ("It misses 64. I go back to this step: 3 * 5 = 15", "It misses 64. I go back to this step: 3 * 5 = 15"),
        ("3 * 5 = 15, 15 + 8 = 23. They differ. <verdict>Incorrect</verdict>", "3 * 5 = 15"),
        ("No: 15 + 8 = 23", RejectReason.NAMES_NO_STEP),
        ("I start over.", RejectReason.NAMES_NO_STEP),
    ],
)
def test_it_ends_with_the_step_it_returns_to(sample: str, read: str | RejectReason) -> None:
    assert SKILL.read(sample, WRONG) == read


def test_it_does_not_give_the_answer() -> None:
    assert SKILL.flaw("Not 15. Back to 3 * 5 = 15", WRONG) is None
    assert SKILL.flaw("(3 + 5) * 8 was it, not 3 * 5 = 15", WRONG) is RejectReason.GIVES_ANSWER


@pytest.mark.parametrize(
    ("trace", "at", "place"),
    [
        ([A, R, "Again.", A, R], 0, 3),
        ([A, R, "Again.", PLAN, A, R], 0, 3),
        ([A, R, A, R], 0, 2),
        ([A, R, "Again.", A, R], 3, None),
        ([A, R, "Again.", A, R, "I am sure."], 3, None),
        ([A, "Again.", A], 0, None),
        ([A, R], None, None),
    ],
)
def test_it_goes_between_the_reflection_and_the_next_attempt(trace: list, at: int | None, place: int | None) -> None:
    assert SKILL.place(trace, at) == place
