"""Completions: each model answers the evaluation questions, sampled and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from sfray import seeds
from sfray.arrow import from_table
from sfray.config import Config, DecodingConfig
from sfray.models import anywhere
from sfray.prompts import load
from sfray.records import Completion, Question, Reject
from sfray.sampling.engine import MAX_SEED_BITS, Request, Sampled
from sfray.sampling.shards import ShardJob, run_shards
from sfray.store import Stage
from sfray.tasks.registry import family, verify


@dataclass(frozen=True)
class CompletionJob(ShardJob):
    """Samples one model. Shards are row groups of the questions, numbered from ``first``.

    Attributes:
        questions: Parquet file of the questions to answer.
        model: Name of the model: ``base``, ``sft`` or ``grpo``.
        first: Number of this model's first part.
    """

    questions: Path
    model: str
    first: int

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
        file = pq.ParquetFile(self.questions)
        questions = from_table(Question, file.read_row_group(shard - self.first))
        seed = self.config.run.seed
        requests = [
            Request(
                f"{self.model}/{q.id}",
                tuple(prompts.question(q.text, family(q.task).answer_type, q.complete)),
                seeds.derive(seed, "evaluate", q.id, bits=MAX_SEED_BITS),
                self.config.evaluate.samples(q.task),
            )
            for q in questions
        ]
        return questions, requests, []

    def rows(self, source: Question, samples: Sequence[Sampled]) -> tuple[list[Completion], list[Reject]]:
        """Judges the samples with the one verifier."""
        rows = []
        for k, sample in enumerate(samples):
            outcome = verify(source.task, source.gold, sample.text)
            rows.append(
                Completion(
                    f"{self.model}/{source.id}/{k}",
                    self.model,
                    source.id,
                    source.task,
                    source.level,
                    k,
                    sample.text,
                    sample.tokens,
                    sample.finish,
                    outcome.correct,
                    outcome.reason.value,
                    outcome.answer,
                )
            )
        return rows, []


def models(config: Config, inputs: Mapping[str, Path]) -> dict[str, str]:
    """Where each model is that ``evaluate.models`` names."""
    trained = {m: str(inputs[m] / "model") for m in config.evaluate.models if m != "base"}
    return {m: trained.get(m, anywhere(config.model.path)) for m in config.evaluate.models}


def sample(config: Config, stage: Stage, inputs: Mapping[str, Path]) -> None:
    """Samples the completions that are missing, model by model."""
    questions = inputs["questions"].resolve() / "eval.parquet"
    shards = pq.ParquetFile(questions).num_row_groups
    missing = set(stage.missing(shards * len(config.evaluate.models)))
    for i, (name, model) in enumerate(models(config, inputs).items()):
        mine = sorted(missing & set(range(i * shards, (i + 1) * shards)))
        run_shards(CompletionJob(config, stage, questions, name, i * shards), model, mine, f"evaluate {name}")
