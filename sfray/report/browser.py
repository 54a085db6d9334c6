"""The traces and responses that the report shows: which ones, and what is shown beside them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sfray import seeds
from sfray.evaluation.groups import group, ordered
from sfray.io.arrow import from_table
from sfray.records import Completion, Question, Trace
from sfray.report.markup import Block, blocks, trimmed

MAX_CHARS = 12_000
"""Longest text shown; the middle of a longer one is left out, and says so."""


@dataclass(frozen=True)
class Entry:
    """One text in the browser.

    Attributes:
        kind: ``trace``, or the model that wrote it.
        group: Task and level.
        id: Of the row.
        question: Id of the question: of the entries that share it, two can be set side by side.
        correct: What the verifier said; of a trace, about the attempt whose answer it gives.
        reason: Why.
        tokens: Length.
        attempts: Attempts it shows.
        prompt: What was asked.
        gold: What the verifier knows, as JSON; empty for traces.
        blocks: The text, cut for colours.
        left_out: Characters left out of the middle.
    """

    kind: str
    group: str
    id: str
    question: str
    correct: bool
    reason: str
    tokens: int
    attempts: int
    prompt: str
    gold: str
    blocks: tuple[Block, ...]
    left_out: int


def traces(parts: Sequence[Path], limit: int, seed: int, skills: Collection[str] = ()) -> Iterator[Entry]:
    """A seeded sample of the silver traces, in the order of the data.

    Args:
        parts: Parquet files of the traces.
        limit: How many.
        seed: Of the choice.
        skills: Tags of the skills that they show besides reflection.
    """
    chosen = sorted(_smallest((i for p in parts for i in _column(p, "id")), limit, (seed, "report", "traces")))
    for row in _rows(Trace, parts, chosen):
        name = row.question_id.rsplit(":", 2)[0]
        text, left_out = shorten(row.text)
        steps = len(row.attempts)
        facts = f"{row.n_correct} correct, {row.n_incorrect} incorrect"
        yield Entry(
            "trace",
            name,
            row.id,
            row.question_id,
            row.correct,
            facts,
            row.tokens,
            steps,
            row.prompt,
            "",
            tuple(trimmed(blocks(text, skills))),
            left_out,
        )


def responses(
    models: Mapping[str, Sequence[Path]], questions: Path, limit: int, seed: int, skills: Collection[str] = ()
) -> Iterator[Entry]:
    """The same questions answered by each model, right and wrong ones of the last model by halves.

    Args:
        models: Label of each model -> Parquet files of its responses, in order of training.
        questions: Parquet file of the questions.
        limit: Questions, shared out over the groups.
        seed: Of the choice.
        skills: Tags of the skills that are counted besides reflection.
    """
    asked = {q.id: q for q in from_table(Question, pq.read_table(questions))}
    if not models:
        return
    ids = [f"{question}/0" for question in _chosen_questions(list(models.values())[-1], limit, seed)]
    for model, parts in models.items():
        for row in _rows(Completion, parts, ids):
            yield _response(model, row, asked[row.question_id], skills)


def _response(model: str, row: Completion, question: Question, skills: Collection[str]) -> Entry:
    text, left_out = shorten(row.text)
    cut = tuple(trimmed(blocks(text, skills)))
    attempts = sum(b.kind == "sample" for b in cut)
    return Entry(
        model,
        group(row.task, row.level),
        row.id,
        row.question_id,
        row.correct,
        row.reason if row.finish != "length" else f"{row.reason}, cut at the limit",
        row.tokens,
        attempts or int(row.answer is not None),
        question.text,
        question.gold,
        cut,
        left_out,
    )


def shorten(text: str) -> tuple[str, int]:
    """A text without the middle of what is over :data:`MAX_CHARS`, and how much that was."""
    extra = len(text) - MAX_CHARS
    if extra <= 0:
        return text, 0
    half = MAX_CHARS // 2
    return f"{text[:half]}\n[… {extra:,} characters left out …]\n{text[-half:]}", extra


def _chosen_questions(parts: Sequence[Path], limit: int, seed: int) -> list[str]:
    by_group: dict[str, dict[bool, list[str]]] = {}
    for part in parts:
        table = pq.read_table(part, columns=["sample", "question_id", "task", "level", "correct"])
        first = table.filter(pc.equal(table["sample"], 0))
        for row in first.to_pylist():
            by_group.setdefault(group(row["task"], row["level"]), {True: [], False: []})[row["correct"]].append(
                row["question_id"]
            )
    share = math.ceil(limit / max(len(by_group), 1))
    chosen: list[str] = []
    for name in ordered(by_group):
        path = (seed, "report", "responses")
        right = _smallest(by_group[name][True], share, path)
        wrong = _smallest(by_group[name][False], share, path)
        half = share // 2
        kept = right[: max(half, share - len(wrong))]
        chosen += sorted(kept + wrong[: share - len(kept)])
    return chosen


def _smallest(ids: Iterable[str], count: int, path: tuple[object, ...]) -> list[str]:
    """A random choice that depends on the ids alone."""
    return sorted(ids, key=lambda i: seeds.derive(*path, i))[:count]


def _column(part: Path, name: str) -> list[str]:
    return pq.read_table(part, columns=[name])[name].to_pylist()


def _rows(record: type[Any], parts: Sequence[Path], ids: Sequence[str]) -> list[Any]:
    """The rows of these ids, in the order of ``ids``."""
    wanted = pa.array(ids, pa.string())
    found: dict[str, Any] = {}
    for part in parts:
        table = pq.read_table(part, filters=pc.is_in(pc.field("id"), wanted))
        found |= {row.id: row for row in from_table(record, table)}
    return [found[i] for i in ids if i in found]


def filters(entries: Sequence[Entry]) -> Mapping[str, list[str]]:
    """What the browser can be filtered by."""
    return {
        "kind": list(dict.fromkeys(e.kind for e in entries)),
        "group": ordered({e.group for e in entries}),
    }
