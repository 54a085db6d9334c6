"""Reflections: the model judges its own attempts (paper section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from sfray import seeds
from sfray.artifacts import Attempts, Questions
from sfray.config import DecodingConfig
from sfray.config.settings import ReflectionSettings
from sfray.grammar import REFLECTION, STRUCTURAL_TAG, Verdict, VerdictError, parse_verdict
from sfray.io.arrow import from_table
from sfray.models import anywhere
from sfray.prompts import Prompts, load
from sfray.records import Attempt, Question, Reflection, Reject
from sfray.rejects import RejectReason
from sfray.sampling.engine import MAX_SEED_BITS, Request, Sampled
from sfray.sampling.job import ShardJob
from sfray.sampling.shards import run_shards
from sfray.sampling.totals import totals
from sfray.skills.registry import skill
from sfray.skills.skill import Subject, why_unusable

Source = tuple[Subject, str, int]
"""An attempt with its question, a reflection variant, and the number of its first sample."""

SKILL = skill(REFLECTION)
"""Says how reflections are asked for and which are valid."""


@dataclass(frozen=True)
class ReflectionJob(ShardJob):
    """Samples reflections. One shard is one part of the attempts.

    Attributes:
        questions: The questions; their row groups match the attempts' parts.
        attempts: The attempts to reflect on.
    """

    config: ReflectionSettings
    questions: Questions
    attempts: Attempts

    record = Reflection

    @property
    def decoding(self) -> DecodingConfig:
        """``config.reflect``."""
        return self.config.reflect

    def requests(self, shard: int) -> tuple[list[Source], list[Request], list[Reject]]:
        """One request for each usable attempt and reflection variant.

        An attempt that was cut, gives no answer or one that could not be judged cannot be
        in a trace, so it is not reflected on. The prompt is the question's own: hints are never shown here.
        """
        prompts = load(self.config.prompts)
        sources, requests, rejects = [], [], []
        for subject in self.subjects(shard):
            if unusable := SKILL.unusable(subject):
                rejects.append(Reject(id=subject.id, reason=unusable))
                continue
            for i, variant in enumerate(self.config.reflect.variants):
                sources.append((subject, variant, i * self.decoding.n))
                requests.append(self.request(subject, variant, prompts))
        return sources, requests, rejects

    def subjects(self, shard: int) -> list[Subject]:
        """All attempts, with their questions."""
        table = pq.ParquetFile(self.questions.file).read_row_group(shard)
        questions = {q.id: q for q in from_table(Question, table)}
        attempts = from_table(Attempt, pq.read_table(self.attempts.shard(shard)))
        return [Subject(questions[attempt.question_id], attempt) for attempt in attempts]

    def request(self, subject: Subject, variant: str, prompts: Prompts) -> Request:
        """Asks for all samples of a variant."""
        key = f"{subject.id}/{variant}"
        return Request(key, tuple(SKILL.prompt(subject, prompts, variant)), self._seed(key))

    def _seed(self, key: str) -> int:
        return seeds.derive(self.config.run.seed, "reflections", key, bits=MAX_SEED_BITS)

    def rows(self, source: Source, samples: Sequence[Sampled]) -> tuple[list[Reflection], list[Reject]]:
        """Reads the verdicts; a reflection is valid when its verdict agrees with the verifier."""
        subject, _, first = source
        attempt = subject.attempt
        assert attempt is not None  # noqa: S101 - narrows the type
        kept, rejects = [], []
        for k, sample in enumerate(samples, first):
            key = f"{attempt.id}/r{k}"
            verdict = parse_verdict(sample.text)
            if STRUCTURAL_TAG.search(sample.text):
                rejects.append(Reject(id=key, reason=RejectReason.STRUCTURAL_TAG, detail=sample.text[:500]))
                continue
            if sample.finish != "stop":
                rejects.append(Reject(id=key, reason=RejectReason.TRUNCATED, detail=sample.text[-200:]))
            elif isinstance(verdict, VerdictError):
                rejects.append(Reject(id=key, reason=RejectReason(verdict), detail=sample.text[-200:]))
            readable = isinstance(verdict, Verdict) and sample.finish == "stop"
            kept.append(
                Reflection(
                    id=key,
                    attempt_id=attempt.id,
                    question_id=attempt.question_id,
                    sample=k,
                    text=sample.text,
                    tokens=sample.tokens,
                    finish=sample.finish,
                    verdict=verdict.value if readable else None,
                    valid=readable and SKILL.flaw(sample.text, subject) is None,
                )
            )
        return kept, rejects


def sample(job: ReflectionJob, model: str) -> None:
    """Samples the reflections that are missing.

    Args:
        job: What to ask for.
        model: The model to ask, as :func:`sfray.models.folder.resolve` takes it.
    """
    written = run_shards(job, anywhere(model), job.questions.shards, "reflections")
    counts = totals(job.output, ("valid",))
    possible = sum(_possible(path) for path in job.attempts.files) * job.decoding.n * len(job.config.reflect.variants)
    metrics = {"valid_rate": counts["valid"] / max(counts["rows"], 1), "share": counts["rows"] / max(possible, 1)}
    job.output.commit(counts, metrics, written=written)


def _possible(part: Path) -> int:
    """The attempts of a part that can be reflected on."""
    return sum(why_unusable(attempt) is None for attempt in from_table(Attempt, pq.read_table(part)))
