"""Small Countdown rows for the tests of this folder, judged by the real verifier."""

from __future__ import annotations

import json
from pathlib import Path

from sfray.grammar import parse_verdict
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Attempt, Completion, Question, Reflection, Trace
from sfray.store.artifact import Artifact
from sfray.tasks.registry import verify

RIGHT, WRONG = "3 * 5 = 15. <answer>3 * 5</answer>", "3 + 5 = 8. <answer>3 + 5</answer>"


def question(number: int, level: str = "3", split: str = "eval", text: str = "Make 15 of 3 and 5.") -> Question:
    gold = json.dumps({"numbers": [3, 5], "target": 15})
    return Question(
        id=f"countdown-{level}:{split}:{number:06d}",
        task="countdown",
        level=level,
        split=split,
        text=text,
        gold=gold,
        answer="3 * 5",
    )


def attempt(q: Question, sample: int, text: str, variant: str = "plain", finish: str = "stop", **more) -> Attempt:
    outcome = verify(q.task, q.gold, text)
    return Attempt(
        id=f"{q.id}/{variant}/{sample}",
        question_id=q.id,
        variant=variant,
        sample=sample,
        hinted=more.get("hinted", False),
        text=text,
        tokens=20,
        finish=finish,
        correct=outcome.correct,
        reason=outcome.reason.value,
        answer=outcome.answer,
    )


def reflection(a: Attempt, sample: int, verdict: str | None) -> Reflection:
    text = "I compute it again." + (f" <verdict>{verdict}</verdict>" if verdict else "")
    parsed = str(parse_verdict(text)) if verdict else None
    valid = parsed == ("Correct" if a.correct else "Incorrect")
    return Reflection(
        id=f"{a.id}/r{sample}",
        attempt_id=a.id,
        question_id=a.question_id,
        sample=sample,
        text=text,
        tokens=10,
        finish="stop",
        verdict=parsed,
        valid=valid,
    )


def completion(q: Question, sample: int, text: str, tokens: int = 10, finish: str = "stop") -> Completion:
    outcome = verify(q.task, q.gold, text)
    return Completion(
        id=f"{q.id}/{sample}",
        question_id=q.id,
        task=q.task,
        level=q.level,
        sample=sample,
        text=text,
        tokens=tokens,
        finish=finish,
        correct=outcome.correct,
        reason=outcome.reason.value,
        answer=outcome.answer,
    )


def trace(q: Question, number: int, text: str) -> Trace:
    name = f"{q.id}#algorithm1.{number}"
    return Trace(
        id=name,
        question_id=q.id,
        recipe="algorithm1",
        prompt=q.text,
        text=text,
        answer="3 * 5",
        attempts=[f"{q.id}/plain/0"],
        reflections=[f"{q.id}/plain/0/r0"],
        n_correct=1,
        n_incorrect=0,
        tokens=40,
    )


STAGES = {"attempts": "sample", "reflections": "reflect"}
"""Stages of the steps whose names differ from them."""


def stage(root: Path, step: str, **inputs: object) -> Artifact:
    """An open artifact at the place of a step."""
    made = Artifact(root / step, STAGES.get(step, step), {"imported": step}, inputs)
    made.open()
    return made


def write_questions(root: Path, **splits: list[Question]) -> Path:
    """Questions; each question of a split is a row group of its own."""
    made = stage(root, "questions")
    for split in ("sft", "rl", "eval"):
        write_table(made.path / f"{split}.parquet", to_table(Question, splits.get(split, [])), row_group_size=1)
    made.commit({split: len(rows) for split, rows in splits.items()})
    return made.path


def write_parts(root: Path, name: str, record: type, parts: list[list], **committed) -> Path:
    """A sharded artifact, committed."""
    made = stage(root, name)
    for i, rows in enumerate(parts):
        made.write_shard(i, to_table(record, rows), committed.get("rejects", []) if i == 0 else [])
    made.commit({"rows": sum(map(len, parts))}, committed.get("metrics"))
    return made.path
