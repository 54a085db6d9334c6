"""A teacher's attempts at questions: asked of an endpoint, or read from a file, and judged as any other."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from sfray import seeds
from sfray.artifacts import Questions
from sfray.config.settings import TeacherSettings
from sfray.io.arrow import from_table, to_table
from sfray.io.tables import Row, Unreadable, data_files, rows
from sfray.io.userfiles import located
from sfray.progress import Bar
from sfray.prompts import Message, load
from sfray.records import Attempt, Question, Reject
from sfray.rejects import RejectReason
from sfray.sampling.endpoint import Answer, Endpoint, EndpointDown, EndpointRefuses
from sfray.sampling.journal import Journal
from sfray.sampling.totals import totals
from sfray.store.artifact import Artifact
from sfray.tasks.judgement import judged
from sfray.tasks.registry import family

VARIANT = "teacher"
"""The variant of a teacher's attempts."""

_SEED_BITS = 31
"""Endpoints refuse larger seeds."""


def teach(config: TeacherSettings, output: Artifact, questions: Questions) -> None:
    """Makes the attempts that are missing.

    Args:
        config: The settings.
        output: Where they go.
        questions: The questions to attempt.

    Raises:
        EndpointDown: The endpoint does not answer; another run goes on after the last answer.
        EndpointRefuses: It takes no request of ours.
        ValueError: The file cannot be read.
    """
    missing = output.missing(questions.shards)
    rejects: list[Reject] = []
    if config.teacher.path:
        written, rejects = _from_file(config, output, questions, missing)
    else:
        written = asyncio.run(_from_endpoint(config, output, questions, missing))
    counts = totals(output, ("correct",))
    prompt_tokens = sum(a.prompt_tokens for shard in range(questions.shards) for a in _answered(output, shard).values())
    cost = (prompt_tokens * config.teacher.input_price + counts["tokens"] * config.teacher.output_price) / 1e6
    output.commit(counts | {"prompt_tokens": prompt_tokens}, {"cost": round(cost, 6)}, rejects, written)


def _read(questions: Questions, shard: int) -> list[Question]:
    return from_table(Question, pq.ParquetFile(questions.file).read_row_group(shard))


def _answered(output: Artifact, shard: int) -> dict[str, Answer]:
    """Id of each request of a shard that has been answered -> its answer."""
    return {key: Answer(**line) for key, line in _journal(output, shard).read().items()}


def _journal(output: Artifact, shard: int) -> Journal:
    return Journal(output.path / "asked" / f"{shard:05d}.jsonl")


async def _from_endpoint(
    config: TeacherSettings, output: Artifact, questions: Questions, missing: Sequence[int]
) -> dict[int, int]:
    """Asks for what no journal holds, ``teacher.concurrency`` requests at a time; writes each shard that is whole."""
    return await _Asking(config, output, questions, missing).run()


class _Asking:
    """The shards that are being asked for.

    Attributes:
        written: Shard -> rows.
    """

    def __init__(self, config: TeacherSettings, output: Artifact, questions: Questions, missing: Sequence[int]) -> None:
        self.config, self.output, self.questions = config, output, questions
        self.prompts = load(config.prompts)
        self.written: dict[int, int] = {}
        self._asked: dict[int, list[Question]] = {}
        self._answers: dict[int, dict[str, Answer]] = {}
        self._left: dict[int, int] = {}
        self._requests = self._pending(missing)
        self._bar = Bar("teacher", questions.shards, "shards", done=questions.shards - len(missing))
        self._tokens = 0

    async def run(self) -> dict[int, int]:
        """Asks until every shard is written, or the endpoint fails; returns ``written``."""
        endpoint = Endpoint(self.config.teacher)
        with self._bar:
            workers = [asyncio.create_task(self._work(endpoint)) for _ in range(self.config.teacher.concurrency)]
            # What is on its way may cost money: it is awaited and kept, also after another request has failed.
            ends = await asyncio.gather(*workers, return_exceptions=True)
            await endpoint.close()
        for error in filter(None, ends):
            raise error
        return self.written

    def _pending(self, missing: Sequence[int]) -> Generator[tuple[int, str, Question]]:
        """The requests without an answer; a shard is read when the first of its requests is due."""
        for shard in missing:
            asked = _read(self.questions, shard)
            answers = _answered(self.output, shard)
            due = [(key, q) for q in asked for key in self._keys(q) if key not in answers]
            self._asked[shard], self._answers[shard], self._left[shard] = asked, answers, len(due)
            if not due:
                self._write(shard)
            for key, question in due:
                yield shard, key, question

    def _keys(self, question: Question) -> list[str]:
        return [f"{question.id}/{VARIANT}/{k}" for k in range(self.config.teacher.n)]

    async def _work(self, endpoint: Endpoint) -> None:
        for shard, key, question in self._requests:
            seed = seeds.derive(self.config.run.seed, "teacher", key, bits=_SEED_BITS)
            try:
                answer = await endpoint.ask(key, self._messages(question), seed)
            except (EndpointDown, EndpointRefuses):
                self._requests.close()
                raise
            _journal(self.output, shard).add(answer.to_json())
            self._tokens += answer.tokens
            self._answers[shard][key] = answer
            self._left[shard] -= 1
            if not self._left[shard]:
                self._write(shard)

    def _messages(self, question: Question) -> list[Message]:
        if question.complete:
            return self.prompts.question(question.text, "", complete=True)
        answer_type = family(question.task).answer_type
        return self.prompts.attempt(self.config.teacher.variant, question.text, answer_type)

    def _write(self, shard: int) -> None:
        answers = self._answers.pop(shard)
        asked = self._asked.pop(shard)
        made = [judge(q, k, answers[key]) for q in asked for k, key in enumerate(self._keys(q))]
        self.written[shard] = write(self.output, shard, made)
        self._bar.advance(f"{sum(self.written.values()):,} attempts, {self._tokens:,} tokens")


def judge(question: Question, number: int, answer: Answer) -> Attempt | Reject:
    """A teacher's answer as an attempt; a reject where the endpoint refused to give one."""
    if answer.refused:
        return Reject(id=answer.id, reason=RejectReason.TEACHER_REFUSES, detail=answer.refused)
    return judged(
        question,
        id=answer.id,
        variant=VARIANT,
        sample=number,
        hinted=False,
        text=answer.text,
        tokens=answer.tokens,
        finish=answer.finish,
    )


def write(output: Artifact, shard: int, made: Iterable[Attempt | Reject]) -> int:
    """Writes a shard; returns its rows."""
    both = list(made)
    attempts = [a for a in both if isinstance(a, Attempt)]
    output.write_shard(shard, to_table(Attempt, attempts), [r for r in both if isinstance(r, Reject)])
    return len(attempts)


def _from_file(
    config: TeacherSettings, output: Artifact, questions: Questions, missing: Sequence[int]
) -> tuple[dict[int, int], list[Reject]]:
    """The attempts that a file holds, and its rows that are none."""
    responses, rejects = _responses(located(config.teacher.path), questions)
    written = {}
    with Bar("teacher", questions.shards, "shards", done=questions.shards - len(missing)) as bar:
        for shard in missing:
            made = [
                judge(q, k, Answer(f"{q.id}/{VARIANT}/{k}", text=text, finish="stop"))
                for q in _read(questions, shard)
                for k, text in enumerate(responses.get(q.id, []))
            ]
            written[shard] = write(output, shard, made)
            bar.advance(f"{sum(written.values()):,} attempts")
    return written, rejects


def _responses(path: Path, questions: Questions) -> tuple[dict[str, list[str]], list[Reject]]:
    """Question's id -> the responses to it; and a reject for each row that is no response, by file and number."""
    ids: dict[str, str] = {}
    for shard in range(questions.shards):
        ids |= {name: q.id for q in _read(questions, shard) for name in (q.text.strip(), q.id)}
    found: dict[str, list[str]] = {}
    rejects = []
    for file in data_files(path):
        for number, row in enumerate(rows(file, ("question", "response"))):
            if flaw := _flaw(row, ids):
                reason, detail = flaw
                rejects.append(Reject(id=f"{file.name}:{number}", reason=reason, detail=detail[:500]))
            elif not isinstance(row, Unreadable):
                found.setdefault(ids[row["question"].strip()], []).append(row["response"])
    return found, rejects


def _flaw(row: Row | Unreadable, ids: Mapping[str, str]) -> tuple[RejectReason, str] | None:
    """Why a row is no response to one of the questions."""
    if isinstance(row, Unreadable):
        return RejectReason.UNREADABLE_ROW, row.detail
    for column in ("question", "response"):
        if not isinstance(row.get(column), str):
            return RejectReason.BAD_VALUE, f"{column}: {row.get(column)!r}"
    return None if row["question"].strip() in ids else (RejectReason.UNKNOWN_QUESTION, row["question"])
