"""What every skill gets for nothing: whom it asks about, how, and which segments are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.prompts import load
from sfray.records import Attempt
from sfray.rejects import RejectReason
from sfray.skills.skill import Skill, Subject, mentions, why_unusable
from tests.skills.rows import ASKED, QUESTION, RIGHT, RIGHT_TEXT, subject


class Hypothesis(Skill):
    tag = "hypothesis"
    about = Attempt
    wording = "{question} gives {answer_type}. {attempt} Guess."

    def place(self, trace, at):
        return at


class Doubt(Skill):
    tag = "doubt"
    wording = "Doubt {question} {attempt}"

    def place(self, trace, at):
        return 0


def test_a_subject_is_named_by_what_it_is() -> None:
    assert (ASKED.id, RIGHT.id) == ("countdown-3:sft:000000", "countdown-3:sft:000000/plain/0")


def test_a_skill_brings_its_own_wording_where_the_file_has_none() -> None:
    content = f"{QUESTION.text} gives the expression. {RIGHT_TEXT} Guess."
    assert Hypothesis("lab").prompt(RIGHT, load(), "default") == [{"role": "user", "content": content}]
    words = replace(load(), skills={"lab": {"default": "{question}?", "short": "{attempt}!"}})
    assert Hypothesis("lab").prompt(RIGHT, words, "short") == [{"role": "user", "content": f"{RIGHT_TEXT}!"}]


def test_a_wording_for_attempts_is_refused_for_a_question() -> None:
    message = r"^prompts: skills\.lab\.default has \{attempt\}, but it is asked about a question$"
    with pytest.raises(ValueError, match=message):
        Doubt("lab").prompt(ASKED, load(), "default")


def test_every_question_is_asked_about_and_every_attempt_that_can_be_shown() -> None:
    skill = Hypothesis("lab")
    assert skill.unusable(ASKED) is skill.unusable(RIGHT) is None
    assert skill.unusable(subject(RIGHT_TEXT, finish="length")) is RejectReason.ATTEMPT_TRUNCATED
    assert skill.unusable(subject("I give up.")) is RejectReason.ATTEMPT_WITHOUT_ANSWER
    assert why_unusable(replace(RIGHT.attempt, reason="parse_error")) is RejectReason.ATTEMPT_UNJUDGED


@pytest.mark.parametrize(
    ("segment", "flaw"),
    [
        ("Add first, then multiply.", None),
        ("", RejectReason.EMPTY_SEGMENT),
        (" \n ", RejectReason.EMPTY_SEGMENT),
        ("It comes to (3+5)*8.", RejectReason.GIVES_ANSWER),
        ("So <answer>8</answer>", RejectReason.GIVES_ANSWER),
        ("The answer is 8 * (5 + 3).", RejectReason.GIVES_ANSWER),
        ("The answer is 8 * 5 + 3.", None),
        ("Make 64 of 3, 5 and 8.", None),
    ],
)
def test_a_segment_is_neither_empty_nor_the_answer(segment: str, flaw: RejectReason | None) -> None:
    assert Hypothesis("lab").flaw(segment, RIGHT) is flaw
    assert Hypothesis("lab").flaw(segment, ASKED) is flaw


def test_an_answer_that_the_question_mentions_is_no_giveaway() -> None:
    options = replace(
        QUESTION, task="commonsense_qa", text="Which? (A) a cat (B) a dog", gold='{"answer": "B"}', answer="B"
    )
    skill = Doubt("lab")
    assert skill.flaw("Compare A and B.", Subject(options)) is None
    assert skill.flaw("<answer>B</answer>", Subject(options)) is RejectReason.GIVES_ANSWER
    assert skill.flaw("There are 12.", Subject(replace(QUESTION, answer="12"))) is RejectReason.GIVES_ANSWER


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("it is 42.", "42", True),
        ("it is 42.5", "42", False),
        ("it is 3.42", "42", False),
        ("142 or 420", "42", False),
        ("x = ( 3+5 ) *8", "(3 + 5) * 8", True),
        ("TEAM", "team", True),
        ("steam", "team", False),
        ("anything", "", False),
    ],
)
def test_mentions(text: str, answer: str, expected: bool) -> None:
    assert mentions(text, answer) is expected


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_can_be_looked_through(text: str, answer: str) -> None:
    assert mentions(text, answer) in (True, False)
    assert mentions(answer, answer) in (True, False)
