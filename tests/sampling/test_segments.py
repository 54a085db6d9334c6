"""From questions and attempts to requests, and from samples to segments that may be shown."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sfray.artifacts import Attempts, Questions
from sfray.config import SegmentsConfig
from sfray.io.arrow import from_table, to_table
from sfray.io.parquet import write_table
from sfray.records import Attempt, Reject, SkillSegment
from sfray.sampling.engine import Sampled
from sfray.sampling.segments import SegmentJob, sample
from sfray.skills.skill import Subject
from tests.sampling.rows import CONFIG, QUESTION, attempt, stage, write_questions

RIGHT = attempt("3 + 5 = 8, 8 * 8 = 64. <answer>(3 + 5) * 8</answer>", True, "(3 + 5) * 8")
WRONG = attempt("3 * 5 = 15, 15 + 8 = 23. <answer>3 * 5 + 8</answer>", False, "3 * 5 + 8", k=1)


def job(root: Path, skill: str, *attempts: Attempt, **settings: object) -> SegmentJob:
    write_questions(root)
    if attempts:
        write_table(stage(root, "attempts").part(0), to_table(Attempt, attempts))
    config = replace(CONFIG, segments=SegmentsConfig(skill=skill, **settings))  # type: ignore[arg-type]
    given = Attempts(root / "attempts") if attempts else None
    return SegmentJob(stage(root, "segments"), config, Questions(root / "questions", "sft"), given)


def test_a_skill_about_questions_asks_once_for_each(tmp_path: Path) -> None:
    sources, requests, rejects = job(tmp_path, "decomposition").requests(0)
    assert sources == [(Subject(QUESTION), "default", 0)]
    assert [r.id for r in requests] == [f"{QUESTION.id}/decomposition/default"]
    assert requests[0].messages[0]["content"].startswith(QUESTION.text)
    assert rejects == []


def test_a_skill_about_attempts_asks_for_each_that_can_be_shown(tmp_path: Path) -> None:
    cut = attempt("3 + 5 =", False, None, finish="length", k=2)
    sources, requests, rejects = job(tmp_path, "backtracking", RIGHT, WRONG, cut).requests(0)
    assert sources == [(Subject(QUESTION, WRONG), "default", 0)]
    assert [r.id for r in requests] == [f"{WRONG.id}/backtracking/default"]
    assert rejects == [Reject(id=RIGHT.id, reason="attempt_correct"), Reject(id=cut.id, reason="attempt_truncated")]


def test_seeds_come_from_the_run_and_what_is_asked(tmp_path: Path) -> None:
    made = job(tmp_path, "planning", RIGHT, WRONG)
    seeds = [r.seed for r in made.requests(0)[1]]
    again = pickle.loads(pickle.dumps(made))
    assert [r.seed for r in again.requests(0)[1]] == seeds
    assert len(set(seeds)) == 2
    other = replace(made, config=replace(made.config, run=replace(CONFIG.run, seed=1)))
    assert set(seeds).isdisjoint(r.seed for r in other.requests(0)[1])


def test_samples_become_segments_or_rejects(tmp_path: Path) -> None:
    plan = "Plan: add 3 and 5, then multiply by 8."
    samples = [
        Sampled(f"{plan} {RIGHT.text}", 40, "stop"),
        Sampled(f"{plan} 3 * 5 = 15. <answer>3 * 5</answer>", 30, "stop"),
        Sampled(RIGHT.text, 20, "stop"),
        Sampled(plan, 12, "length"),
        Sampled("Plan: <plan>", 4, "stop"),
        Sampled("Plan: the answer (3 + 5) * 8.", 9, "stop"),
    ]
    kept, rejects = job(tmp_path, "planning", RIGHT, n=6).rows((Subject(QUESTION, RIGHT), "default", 6), samples)
    assert kept == [
        SkillSegment(
            id=f"{RIGHT.id}/plan6",
            skill="planning",
            question_id=QUESTION.id,
            attempt_id=RIGHT.id,
            variant="default",
            sample=6,
            text=plan,
            tokens=40,
            finish="stop",
        )
    ]
    assert rejects == [
        Reject(id=f"{RIGHT.id}/plan7", reason="other_solution", detail=samples[1].text),
        Reject(id=f"{RIGHT.id}/plan8", reason="empty_segment", detail=samples[2].text),
        Reject(id=f"{RIGHT.id}/plan9", reason="truncated", detail=samples[3].text),
        Reject(id=f"{RIGHT.id}/plan10", reason="structural_tag", detail=samples[4].text),
        Reject(id=f"{RIGHT.id}/plan11", reason="gives_answer", detail=samples[5].text),
    ]
    assert from_table(SkillSegment, to_table(SkillSegment, kept)) == kept


def test_a_segment_about_a_question_names_no_attempt(tmp_path: Path) -> None:
    made = job(tmp_path, "decomposition")
    (kept,), _ = made.rows((Subject(QUESTION), "default", 0), [Sampled("I have 3, 5 and 8.", 9, "stop")])
    assert (kept.id, kept.attempt_id) == (f"{QUESTION.id}/decompose0", None)


@pytest.mark.parametrize(
    ("skill", "more", "message"),
    [
        ("planing", {}, "segments.skill: no skill 'planing'; did you mean 'planning'?"),
        ("reflection", {}, "segments.skill: reflections are sampled by the reflect stage; choose another skill"),
        (
            "planning",
            {"variants": ["defalt"]},
            "prompts: skills.planning has no variant 'defalt'; did you mean 'default'?",
        ),
        ("planning", {}, "segments.skill: planning speaks of attempts, so the step needs attempts as input"),
    ],
)
def test_what_would_fail_in_every_shard_is_found_first(tmp_path: Path, skill: str, more: dict, message: str) -> None:
    made = job(tmp_path, skill, **more)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        sample(made.config, made.output, "tiny", made.questions, made.attempts)
    assert made.output.parts() == []
