"""Completions: a model answers evaluation questions, sampled and judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from sfray import seeds
from sfray.artifacts import Questions
from sfray.config import DecodingConfig
from sfray.config.settings import EvaluationSettings
from sfray.io.arrow import from_table
from sfray.models import anywhere
from sfray.prompts import load
from sfray.records import Completion, Question, Reject
from sfray.sampling.engine import MAX_SEED_BITS, Engine, Refused, Request, Sampled
from sfray.sampling.forcing import force
from sfray.sampling.job import Asked, ShardJob
from sfray.sampling.shards import run_jobs
from sfray.sampling.totals import totals
from sfray.store.artifact import Artifact
from sfray.tasks.registry import family, verify


@dataclass(frozen=True)
class CompletionJob(ShardJob):
    """Samples answers. One shard is one row group of the questions.

    Attributes:
        questions: The questions to answer.
    """

    config: EvaluationSettings
    questions: Questions

    record = Completion

    @property
    def decoding(self) -> DecodingConfig:
        """``config.evaluate``."""
        return self.config.evaluate

    def requests(self, shard: int) -> tuple[list[Question], list[Request], list[Reject]]:
        """One request per question.

        The seed names the question and not the model, so that models are compared on
        the same draws.
        """
        prompts = load(self.config.prompts)
        questions = from_table(Question, pq.ParquetFile(self.questions.file).read_row_group(shard))
        seed = self.config.run.seed
        requests = [
            Request(
                q.id,
                tuple(prompts.question(q.text, family(q.task).answer_type, q.complete)),
                seeds.derive(seed, "evaluate", q.id, bits=MAX_SEED_BITS),
                self.config.evaluate.samples(q.task),
            )
            for q in questions
        ]
        return questions, requests, []

    def sampled(self, engine: Engine, requests: Sequence[Request]) -> list[list[Sampled] | Refused]:
        """The engine's answers, forced to ``evaluate.force_to`` tokens where that is set."""
        plain = super().sampled(engine, requests)
        return plain if self.config.evaluate.force_to is None else force(engine, requests, plain, self.config.evaluate)

    def rows(self, source: Question, samples: Sequence[Sampled]) -> tuple[list[Completion], list[Reject]]:
        """Judges the samples with the one verifier."""
        rows = []
        for k, sample in enumerate(samples):
            outcome = verify(source.task, source.gold, sample.text)
            before = sample.plain and verify(source.task, source.gold, sample.plain.text)
            rows.append(
                Completion(
                    id=f"{source.id}/{k}",
                    question_id=source.id,
                    task=source.task,
                    level=source.level,
                    sample=k,
                    text=sample.text,
                    tokens=sample.tokens,
                    finish=sample.finish,
                    correct=outcome.correct,
                    reason=outcome.reason.value,
                    answer=outcome.answer,
                    resumed=list(sample.resumed),
                    plain_tokens=sample.plain.tokens if sample.plain else None,
                    plain_answer=before.answer if before else None,
                    plain_correct=before.correct if before else None,
                )
            )
        return rows, []


@dataclass(frozen=True)
class Evaluation:
    """Completions to be sampled.

    Attributes:
        config: The settings.
        output: Where they go.
        model: The model to ask, as :func:`sfray.models.folder.resolve` takes it.
        questions: The questions to answer.
    """

    config: EvaluationSettings
    output: Artifact
    model: str
    questions: Questions

    @property
    def asked(self) -> Asked:
        """The job, and the model that it is for."""
        job = CompletionJob(self.output, self.config, self.questions)
        return Asked(job, anywhere(self.model), self.questions.shards, self.output.step or "evaluate")


def sample(evaluations: Sequence[Evaluation]) -> Iterator[int]:
    """Samples the completions that are missing, of all evaluations in one pool of engines.

    Args:
        evaluations: With the same settings of engines and cluster.

    Yields:
        The place of each evaluation when it is finished.
    """
    for place, written in run_jobs([evaluation.asked for evaluation in evaluations]):
        output = evaluations[place].output
        counts = totals(output, ("correct",))
        metrics = {"accuracy": counts["correct"] / max(counts["rows"], 1)}
        output.commit(counts, metrics, written=written)
        yield place
