"""The traces and responses that the report shows: which ones, and what is shown beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sfray import seeds
from sfray.evaluation.groups import group
from sfray.io.arrow import from_table
from sfray.records import Completion, Question, Trace
from sfray.report.markup import Block, blocks

TRACE = "trace"
"""Kind of the entries that are no model's responses."""

_BATCH = 1024
"""Rows in memory at a time."""


@dataclass(frozen=True)
class Entry:
    """One text in the browser.

    Attributes:
        kind: :data:`TRACE`, or the model that wrote it.
        group: Task and level.
        id: Of the row.
        question: Id of the question.
        sample: Number of the answer: of the entries that share it and the question, two can be set side by side.
        correct: What the verifier said; of a trace, about the attempt whose answer it gives.
        reason: Why.
        tokens: Length.
        attempts: Attempts it shows.
        prompt: What was asked.
        gold: What the verifier knows, as JSON; empty for traces.
        blocks: The text, cut for colours; nothing of it is left out.
    """

    kind: str
    group: str
    id: str
    question: str
    sample: int
    correct: bool
    reason: str
    tokens: int
    attempts: int
    prompt: str
    gold: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Selection:
    """What a page shows of a run: all of it, or all that belongs to a choice of its questions.

    Attributes:
        traces: Parquet files of the traces.
        models: Label of each model -> Parquet files of its responses, in order of training.
        questions: Parquet file of the questions that the models answered; None without models.
        total: Traces and responses of the run.
        asked: Questions that these belong to.
        left_out: Ids of the questions that are not shown.
    """

    traces: Sequence[Path]
    models: Mapping[str, Sequence[Path]]
    questions: Path | None
    total: int
    asked: int
    left_out: frozenset[str]


def select(
    traces: Sequence[Path], models: Mapping[str, Sequence[Path]], questions: Path | None, limit: int, seed: int
) -> Selection:
    """Chooses what to show: everything, if that is no more than a limit.

    Otherwise it is a seeded choice of questions, each with all its traces and with all answers of
    all models. So many are chosen that about ``limit`` rows belong to them.

    Args:
        traces: Parquet files of the traces.
        models: Label of each model -> Parquet files of its responses.
        questions: Parquet file of the questions; without it no responses are shown.
        limit: Rows.
        seed: Of the choice, which depends on it and on the ids of the questions alone.
    """
    models = models if questions else {}
    parts = [*traces, *(part for files in models.values() for part in files)]
    total = rows(parts)
    traced = {i for part in traces for i in _ids(part, "question_id")}
    answered = set(_ids(questions, "id")) if questions and models else set()
    share = min(1.0, limit / total) if total else 1.0
    left_out = frozenset(i for ids in (traced, answered) for i in _left_out(ids, share, seed))
    return Selection(traces, models, questions, total, len(traced | answered), left_out)


def rows(parts: Iterable[Path]) -> int:
    """How many rows some Parquet files have."""
    return sum(int(pq.read_metadata(part).num_rows) for part in parts)


def _ids(file: Path, column: str) -> Iterator[str]:
    with pq.ParquetFile(file) as table:
        for batch in table.iter_batches(_BATCH, columns=[column]):
            yield from batch.column(0).to_pylist()


def _left_out(ids: Collection[str], share: float, seed: int) -> list[str]:
    if share == 1:
        return []
    return sorted(ids, key=lambda i: seeds.derive(seed, "report", i))[int(len(ids) * share) :]


def entries(selection: Selection, skills: Collection[str] = ()) -> Iterator[Entry]:
    """Yields the traces, then the responses of each model, a batch of rows in memory at a time.

    Args:
        selection: What to show.
        skills: Tags of the skills in them besides reflection.
    """
    for row in _rows(Trace, selection.traces):
        if row.question_id not in selection.left_out:
            yield _trace(row, skills)
    if selection.questions is None:
        return
    asked = {q.id: q for q in _rows(Question, [selection.questions])}
    for model, parts in selection.models.items():
        for row in _rows(Completion, parts):
            if row.question_id not in selection.left_out:
                yield _response(model, row, asked[row.question_id], skills)


def _rows(record: type[Any], parts: Iterable[Path]) -> Iterator[Any]:
    for part in parts:
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(_BATCH):
                yield from from_table(record, pa.Table.from_batches([batch]))


def _trace(row: Trace, skills: Collection[str]) -> Entry:
    return Entry(
        TRACE,
        row.question_id.rsplit(":", 2)[0],
        row.id,
        row.question_id,
        0,
        row.correct,
        f"{row.n_correct} correct, {row.n_incorrect} incorrect",
        row.tokens,
        len(row.attempts),
        row.prompt,
        "",
        tuple(blocks(row.text, skills)),
    )


def _response(model: str, row: Completion, question: Question, skills: Collection[str]) -> Entry:
    cut = tuple(blocks(row.text, skills))
    attempts = sum(b.kind == "sample" for b in cut)
    return Entry(
        model,
        group(row.task, row.level),
        row.id,
        row.question_id,
        row.sample,
        row.correct,
        row.reason if row.finish != "length" else f"{row.reason}, cut at the limit",
        row.tokens,
        attempts or int(row.answer is not None),
        question.text,
        question.gold,
        cut,
    )
