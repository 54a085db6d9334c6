"""From attempts to requests, and from samples to valid reflections."""

from dataclasses import replace

import pytest

from sfray.artifacts import Attempts, Questions
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Attempt, Reflection, Reject
from sfray.sampling.engine import Sampled
from sfray.sampling.reflections import ReflectionJob
from sfray.skills.skill import Subject, why_unusable
from tests.sampling.rows import CONFIG, QUESTION, attempt, stage, write_questions

RIGHT = attempt("3 + 5 = 8. <answer>(3 + 5) * 8</answer>", True, "(3 + 5) * 8")
WRONG = attempt("<answer>3 * 5</answer>", False, "3 * 5", k=1)


def job(tmp_path, *attempts):
    write_questions(tmp_path)
    write_table(stage(tmp_path, "attempts").part(0), to_table(Attempt, attempts))
    return ReflectionJob(
        stage(tmp_path, "reflections"),
        CONFIG,
        Questions(tmp_path / "questions", "sft"),
        Attempts(tmp_path / "attempts"),
    )


def test_usable_attempts_are_shown_with_their_question(tmp_path):
    _, requests, rejects = job(tmp_path, RIGHT, WRONG).requests(0)
    assert [r.id for r in requests] == [f"{RIGHT.id}/default", f"{WRONG.id}/default"]
    content = requests[0].messages[0]["content"]
    assert QUESTION.text in content
    assert RIGHT.text in content
    assert rejects == []


def test_cut_attempts_and_those_without_an_answer_are_not_reflected_on(tmp_path):
    cut = attempt("3 + 5 =", False, None, finish="length")
    blank = attempt("I do not know.", False, None, k=1)
    _, requests, rejects = job(tmp_path, cut, blank).requests(0)
    assert requests == []
    assert rejects == [
        Reject(id=cut.id, reason="attempt_truncated"),
        Reject(id=blank.id, reason="attempt_without_answer"),
    ]
    assert why_unusable(RIGHT) is None


@pytest.mark.parametrize("reason", ["timeout", "parse_error"])
def test_attempts_that_could_not_be_judged_are_not_reflected_on(tmp_path, reason):
    unjudged = replace(WRONG, reason=reason)
    _, requests, rejects = job(tmp_path, RIGHT, unjudged).requests(0)
    assert [r.id for r in requests] == [f"{RIGHT.id}/default"]
    assert rejects == [Reject(id=unjudged.id, reason="attempt_unjudged")]
    assert why_unusable(WRONG) is None


def test_a_reflection_is_valid_when_its_verdict_agrees(tmp_path):
    made = job(tmp_path, RIGHT)
    samples = [
        Sampled("It is 64. <verdict>Correct</verdict>", 9, "stop"),
        Sampled("It is 63. <verdict>**incorrect**.</verdict>", 9, "stop"),
    ]
    kept, rejects = made.rows((Subject(QUESTION, RIGHT), "default", 0), samples)
    assert kept == [
        Reflection(
            id=f"{RIGHT.id}/r0",
            attempt_id=RIGHT.id,
            question_id=QUESTION.id,
            sample=0,
            text=samples[0].text,
            tokens=9,
            finish="stop",
            verdict="Correct",
            valid=True,
        ),
        Reflection(
            id=f"{RIGHT.id}/r1",
            attempt_id=RIGHT.id,
            question_id=QUESTION.id,
            sample=1,
            text=samples[1].text,
            tokens=9,
            finish="stop",
            verdict="Incorrect",
            valid=False,
        ),
    ]
    assert rejects == []
    agreeing, _ = made.rows((Subject(QUESTION, WRONG), "default", 0), samples)
    assert [r.valid for r in agreeing] == [False, True]


def test_unreadable_reflections_are_counted_and_never_valid(tmp_path):
    samples = [
        Sampled("It holds.", 3, "stop"),
        Sampled("<verdict>Correct or Incorrect</verdict>", 3, "stop"),
        Sampled("<verdict>perhaps</verdict>", 3, "stop"),
        Sampled("<verdict>Correct</verdict> and so on", 3, "length"),
        Sampled("</reflect><verdict>Correct</verdict>", 3, "stop"),
    ]
    kept, rejects = job(tmp_path, RIGHT).rows((Subject(QUESTION, RIGHT), "default", 0), samples)
    assert [r.reason for r in rejects] == [
        "missing_verdict", "contradictory_verdict", "unreadable_verdict", "truncated", "structural_tag",
    ]  # fmt: skip
    assert [(r.verdict, r.valid) for r in kept] == [(None, False)] * 4


def test_a_second_reflection_variant_continues_the_numbers(tmp_path):
    kept, _ = job(tmp_path, RIGHT).rows(
        (Subject(QUESTION, RIGHT), "other", 2), [Sampled("<verdict>Correct</verdict>", 1, "stop")]
    )
    assert kept[0].id == f"{RIGHT.id}/r2"
