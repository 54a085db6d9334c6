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
    return Question(f"countdown-{level}:{split}:{number:06d}", "countdown", level, split, text, gold, "3 * 5")


def attempt(q: Question, sample: int, text: str, variant: str = "plain", finish: str = "stop", **more) -> Attempt:
    outcome = verify(q.task, q.gold, text)
    return Attempt(
        f"{q.id}/{variant}/{sample}",
        q.id,
        variant,
        sample,
        more.get("hinted", False),
        text,
        20,
        finish,
        outcome.correct,
        outcome.reason.value,
        outcome.answer,
    )


def reflection(a: Attempt, sample: int, verdict: str | None) -> Reflection:
    text = "I compute it again." + (f" <verdict>{verdict}</verdict>" if verdict else "")
    parsed = str(parse_verdict(text)) if verdict else None
    valid = parsed == ("Correct" if a.correct else "Incorrect")
    return Reflection(f"{a.id}/r{sample}", a.id, a.question_id, sample, text, 10, "stop", parsed, valid)


def completion(q: Question, sample: int, text: str, tokens: int = 10, finish: str = "stop") -> Completion:
    outcome = verify(q.task, q.gold, text)
    return Completion(
        f"{q.id}/{sample}",
        q.id,
        q.task,
        q.level,
        sample,
        text,
        tokens,
        finish,
        outcome.correct,
        outcome.reason.value,
        outcome.answer,
    )


def trace(q: Question, number: int, text: str) -> Trace:
    name = f"{q.id}#algorithm1.{number}"
    return Trace(name, q.id, "algorithm1", q.text, text, "3 * 5", [f"{q.id}/plain/0"], [f"{q.id}/plain/0/r0"], 1, 0, 40)


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
