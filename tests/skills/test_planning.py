"""Planning: no results, no answer, and the attempt's own way."""

from __future__ import annotations

import pytest

from sfray.prompts import load
from sfray.rejects import RejectReason
from sfray.skills.registry import skill
from tests.skills.rows import QUESTION, RIGHT, RIGHT_TEXT, WRONG

SKILL = skill("planning")
PLAN = "Plan: add 3 and 5, then multiply by 8."


def test_it_is_asked_for_in_the_words_of_the_prompts_file() -> None:
    (turn,) = SKILL.prompt(RIGHT, load(), "default")
    assert turn["content"] == (
        f"{QUESTION.text} Make a plan first, then carry it out and give the expression in <answer> tags."
    )
    (turn,) = SKILL.prompt(RIGHT, load("paper"), "default")
    assert f"Problem:\n{QUESTION.text}\n\nSolution:\n{RIGHT_TEXT}\n\nWrite the plan" in turn["content"]


@pytest.mark.parametrize(
    ("sample", "read"),
    [
        (PLAN, PLAN),
        (f"{PLAN} {RIGHT_TEXT}", PLAN),
        (f"{PLAN} 5 + 3 = 8, 8 * 8 = 64. <answer>(5 + 3) * 8</answer>", PLAN),
        (f"{PLAN} 8 * 8 = 64. <answer>8 * (5 + 3)</answer>", PLAN),
        (f"{PLAN} 3 * 5 = 15. <answer>3 * 5 + 8</answer>", RejectReason.OTHER_SOLUTION),
        (f"{PLAN} <answer>5 * 8 + (8 - 3)</answer>", RejectReason.OTHER_SOLUTION),
        (RIGHT_TEXT, ""),
    ],
)
def test_what_follows_the_plan_is_cut_off_and_must_be_the_attempt(sample: str, read: str | RejectReason) -> None:
    assert SKILL.read(sample, RIGHT) == read


def test_two_wrong_answers_are_only_the_same_when_they_are_written_alike() -> None:
    assert SKILL.read("Plan. <answer>3 * 5 + 8</answer>", WRONG) == "Plan."
    assert SKILL.read("Plan. <answer>8 + 3 * 5</answer>", WRONG) is RejectReason.OTHER_SOLUTION


def test_it_gives_neither_the_answer_nor_that_of_its_attempt() -> None:
    assert SKILL.flaw(PLAN, RIGHT) is SKILL.flaw(PLAN, WRONG) is None
    assert SKILL.flaw("", RIGHT) is RejectReason.EMPTY_SEGMENT
    assert SKILL.flaw("I will write 3*5+8.", WRONG) is RejectReason.GIVES_ANSWER
    assert SKILL.flaw("I will write 3*5+8.", RIGHT) is None
    assert SKILL.flaw("I will write (3+5)*8.", WRONG) is RejectReason.GIVES_ANSWER


def test_it_goes_right_before_its_attempt() -> None:
    assert [SKILL.place(["x"] * 5, at) for at in (0, 3, None)] == [0, 3, None]
