"""Selects correct attempts as training data: the model's own text, without any skill added."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pyarrow.parquet as pq

from sfray import models, seeds
from sfray.artifacts import Attempts, Questions
from sfray.config.settings import SelectSettings
from sfray.io.arrow import from_table, to_table
from sfray.progress import Bar
from sfray.prompts import load
from sfray.records import Attempt, Question, Reject, Trace
from sfray.rejects import RejectReason
from sfray.store.artifact import Artifact
from sfray.tasks.registry import family
from sfray.traces.builder import counter
from sfray.traces.format import Count
from sfray.traces.pool import Control

RECIPE = "correct"
"""Recipe in the ids of the traces."""


def select(config: SelectSettings, output: Artifact, model: str, questions: Questions, attempts: Attempts) -> None:
    """Selects in the shards that are missing.

    Args:
        config: The settings.
        output: Where the traces go.
        model: The model whose tokenizer counts, as :func:`sfray.models.folder.resolve` takes it.
        questions: The questions.
        attempts: The attempts at them.
    """
    tokenizer = models.load_tokenizer(models.resolve(model), config.model.trust_remote_code)
    count, control = counter(tokenizer), partial(models.control_token, tokenizer)
    missing = output.missing(questions.shards)
    file = pq.ParquetFile(questions.file)
    written: dict[int, int] = {}
    with Bar("select", questions.shards, "shards", done=questions.shards - len(missing)) as bar:
        for shard in missing:
            asked = from_table(Question, file.read_row_group(shard))
            tried = from_table(Attempt, pq.read_table(attempts.shard(shard)))
            traces, rejects = select_shard(config, asked, tried, count, control)
            output.write_shard(shard, to_table(Trace, traces), rejects)
            written[shard] = len(traces)
            bar.advance(f"{sum(written.values()):,} traces")
    tables = [pq.read_table(part, columns=["question_id", "tokens"]) for part in output.parts()]
    counts = {
        "questions": int(pq.read_metadata(questions.file).num_rows),
        "questions_with_traces": sum(len(set(t["question_id"].to_pylist())) for t in tables),
        "traces": sum(len(t) for t in tables),
        "tokens": sum(sum(t["tokens"].to_pylist()) for t in tables),
    }
    output.commit(counts, written=written)


def select_shard(
    config: SelectSettings,
    questions: Sequence[Question],
    attempts: Sequence[Attempt],
    count: Count,
    control: Control | None = None,
) -> tuple[list[Trace], list[Reject]]:
    """The traces of a shard's questions, and the correct attempts that are too long to train on or hold control tokens.

    Args:
        config: The settings.
        questions: The questions of the shard.
        attempts: The attempts at them.
        count: Counts the tokens of a prompt and a text.
        control: Finds control tokens of the model, which a trace would teach as such; None to look for none.
    """
    prompts = load(config.prompts)
    traces: list[Trace] = []
    rejects: list[Reject] = []
    for question in questions:
        (turn,) = prompts.question(question.text, family(question.task).answer_type, question.complete)
        for attempt in _chosen(config, question, attempts):
            if control is not None and (token := control(f"{turn['content']}\n{attempt.text}")):
                detail = f"{token} in the text"
                rejects.append(Reject(id=attempt.id, reason=RejectReason.CONTROL_TOKEN, detail=detail))
                continue
            tokens = count(turn["content"], attempt.text)
            if tokens > config.select.max_tokens:
                detail = f"{tokens} tokens, select.max_tokens = {config.select.max_tokens}"
                rejects.append(Reject(id=attempt.id, reason=RejectReason.TOO_LONG, detail=detail))
            else:
                number = sum(t.question_id == question.id for t in traces)
                traces.append(_trace(question, turn["content"], attempt, number, tokens))
    return traces, rejects


def _chosen(config: SelectSettings, question: Question, attempts: Sequence[Attempt]) -> list[Attempt]:
    """The correct, complete attempts at a question, or a seeded choice of them, by id.

    Hinted ones count only where there are no others (rationalization, arXiv:2203.14465, section 3.2).
    """
    usable = [a for a in attempts if a.question_id == question.id and a.correct and a.finish == "stop"]
    usable = [a for a in usable if not a.hinted] or usable
    usable.sort(key=lambda a: a.id)
    most = config.select.per_question
    if most is None or len(usable) <= most:
        return usable
    kept = seeds.rng(config.run.seed, "select", question.id).sample(range(len(usable)), most)
    return [usable[i] for i in sorted(kept)]


def _trace(question: Question, prompt: str, attempt: Attempt, number: int, tokens: int) -> Trace:
    return Trace(
        id=f"{question.id}#{RECIPE}.{number}",
        question_id=question.id,
        recipe=RECIPE,
        prompt=prompt,
        text=attempt.text.strip(),
        answer=attempt.answer or "",
        attempts=[attempt.id],
        reflections=[""],
        n_correct=1,
        n_incorrect=0,
        tokens=tokens,
    )
