"""Attempts: every solve variant of every question, sampled and judged (paper section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from sfray import seeds
from sfray.artifacts import Questions
from sfray.config import DecodingConfig
from sfray.config.settings import AttemptSettings
from sfray.grammar import STRUCTURAL_TAG
from sfray.io.arrow import from_table
from sfray.models import anywhere
from sfray.prompts import HINT_WORD, load
from sfray.records import Attempt, Question, Reject
from sfray.rejects import RejectReason
from sfray.sampling.engine import MAX_SEED_BITS, Request, Sampled
from sfray.sampling.job import ShardJob
from sfray.sampling.shards import run_shards
from sfray.sampling.totals import totals
from sfray.store.artifact import Artifact
from sfray.tasks.judgement import judged
from sfray.tasks.registry import family

Source = tuple[Question, str, bool]
"""A question, a variant, and whether this is its hinted twin."""


@dataclass(frozen=True)
class AttemptJob(ShardJob):
    """Samples attempts. One shard is one row group of the questions.

    Attributes:
        questions: The questions to attempt.
    """

    config: AttemptSettings
    questions: Questions

    record = Attempt

    @property
    def decoding(self) -> DecodingConfig:
        """``config.sample``."""
        return self.config.sample

    def requests(self, shard: int) -> tuple[list[Source], list[Request], list[Reject]]:
        """One request for each question, variant and twin."""
        prompts = load(self.config.prompts)
        questions = from_table(Question, pq.ParquetFile(self.questions.file).read_row_group(shard))
        sources, requests, rejects = [], [], []
        for question in questions:
            for variant, hinted in self._variants():
                if hinted and question.answer is None:
                    rejects.append(
                        Reject(id=f"{question.id}/{name(variant, hinted)}", reason=RejectReason.NO_ANSWER_TO_HINT)
                    )
                    continue
                hint = question.answer if hinted else None
                messages = prompts.attempt(variant, question.text, family(question.task).answer_type, hint)
                key = f"{question.id}/{name(variant, hinted)}"
                sources.append((question, variant, hinted))
                requests.append(Request(key, tuple(messages), self._seed(key)))
        return sources, requests, rejects

    def _variants(self) -> Iterator[tuple[str, bool]]:
        for variant in self.config.sample.variants:
            yield variant, False
            if self.config.sample.hinted:
                yield variant, True

    def _seed(self, key: str) -> int:
        return seeds.derive(self.config.run.seed, "attempts", key, bits=MAX_SEED_BITS)

    def rows(self, source: Source, samples: Sequence[Sampled]) -> tuple[list[Attempt], list[Reject]]:
        """Judges the samples.

        Kept even when wrong, cut or without an answer: they count in accuracies. Rejected:
        text with tags that only the trace builder may write, and hinted attempts that
        speak of the hint.
        """
        question, variant, hinted = source
        kept, rejects = [], []
        for k, sample in enumerate(samples):
            key = f"{question.id}/{name(variant, hinted)}/{k}"
            if STRUCTURAL_TAG.search(sample.text):
                rejects.append(Reject(id=key, reason=RejectReason.STRUCTURAL_TAG, detail=sample.text[:500]))
            elif hinted and HINT_WORD.search(sample.text):
                rejects.append(Reject(id=key, reason=RejectReason.MENTIONS_HINT, detail=sample.text[:500]))
            else:
                kept.append(
                    judged(
                        question,
                        id=key,
                        variant=variant,
                        sample=k,
                        hinted=hinted,
                        text=sample.text,
                        tokens=sample.tokens,
                        finish=sample.finish,
                    )
                )
        return kept, rejects


def name(variant: str, hinted: bool) -> str:
    """The variant's name in ids: its twin is set apart."""
    return f"{variant}+hint" if hinted else variant


def sample(
    config: AttemptSettings,
    output: Artifact,
    model: str,
    questions: Questions,
    kind: type[AttemptJob] = AttemptJob,
) -> None:
    """Samples the attempts that are missing.

    Args:
        config: The settings.
        output: Where they go.
        model: The model to ask, as :func:`sfray.models.folder.resolve` takes it.
        questions: The questions to attempt.
        kind: How they are asked; one of another engine, say.
    """
    job = kind(output, config, questions)
    written = run_shards(job, anywhere(model), questions.shards, "attempts")
    counts = totals(output, ("correct",))
    metrics = {"accuracy": counts["correct"] / max(counts["rows"], 1)}
    output.commit(counts, metrics, written=written)
