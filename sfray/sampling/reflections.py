"""Reflections: the model judges its own attempts (paper section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from sfray import seeds
from sfray.artifacts import Attempts, Questions
from sfray.config import DecodingConfig
from sfray.config.settings import ReflectionSettings
from sfray.grammar import REFLECTION, STRUCTURAL_TAG, Verdict, VerdictError, parse_verdict
from sfray.io.arrow import from_table
from sfray.models import anywhere
from sfray.prompts import load
from sfray.records import Attempt, Question, Reflection, Reject
from sfray.rejects import RejectReason
from sfray.sampling.engine import MAX_SEED_BITS, Request, Sampled
from sfray.sampling.shards import ShardJob, run_shards
from sfray.sampling.totals import totals
from sfray.skills.registry import skill
from sfray.skills.skill import Subject
from sfray.store.artifact import Artifact

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
        table = pq.ParquetFile(self.questions.file).read_row_group(shard)
        questions = {q.id: q for q in from_table(Question, table)}
        sources, requests, rejects = [], [], []
        for attempt in from_table(Attempt, pq.read_table(self.attempts.shard(shard))):
            subject = Subject(questions[attempt.question_id], attempt)
            if unusable := SKILL.unusable(subject):
                rejects.append(Reject(id=attempt.id, reason=unusable))
                continue
            for i, variant in enumerate(self.config.reflect.variants):
                key = f"{attempt.id}/{variant}"
                sources.append((subject, variant, i * self.decoding.n))
                requests.append(Request(key, tuple(SKILL.prompt(subject, prompts, variant)), self._seed(key)))
        return sources, requests, rejects

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


def sample(config: ReflectionSettings, output: Artifact, model: str, questions: Questions, attempts: Attempts) -> None:
    """Samples the reflections that are missing.

    Args:
        config: The settings.
        output: Where they go.
        model: The model to ask, as :func:`sfray.models.folder.resolve` takes it.
        questions: The questions.
        attempts: The attempts at them.
    """
    job = ReflectionJob(output, config, questions, attempts)
    written = run_shards(job, anywhere(model), questions.shards, "reflections")
    counts = totals(output, ("valid",))
    metrics = {"valid_rate": counts["valid"] / max(counts["rows"], 1)}
    output.commit(counts, metrics, written=written)
