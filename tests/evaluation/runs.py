"""Small finished runs on disk, answered as a test says and judged by the real verifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from sfray.io.arrow import to_table
from sfray.records import Completion, Question
from sfray.store.artifact import Artifact
from tests.evaluation.rows import completion, write_questions

Answer = Callable[[Question, int], tuple[str, int]]
"""Question and sample -> text and tokens."""


def write_run(
    root: Path, name: str, seed: int, questions: Sequence[Question], models: dict[str, Answer], samples: int = 2
) -> Path:
    """A run with a finished evaluation of each model, and the results that sum them up."""
    folder = root / name
    write_questions(folder, eval=list(questions))
    (folder / "config.yaml").write_text(yaml.safe_dump({"run": {"name": name, "seed": seed}}))
    given = {}
    for model, answer in models.items():
        rows = [completion(q, k, *answer(q, k)) for q in questions for k in range(samples)]
        given[model] = write_responses(folder, f"eval_{model}", rows)
    write_results(folder, "results", given)
    return folder


def write_responses(folder: Path, step: str, rows: Sequence[Completion]) -> str:
    """A finished evaluation; returns its fingerprint."""
    made = Artifact(folder / step, "evaluate", {"imported": step}, {})
    made.open()
    made.write_shard(0, to_table(Completion, rows))
    made.commit({})
    return made.fingerprint


def write_results(folder: Path, step: str, models: Mapping[str, str]) -> None:
    """Finished results of evaluations: label -> fingerprint."""
    made = Artifact(folder / step, "results", {"imported": step}, {"models": dict(models)})
    made.open()
    made.commit({})


def renamed(question: Question, text: str) -> Question:
    """The same id for another question."""
    return replace(question, text=text)
