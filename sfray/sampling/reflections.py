"""Reflections: the model judges its own attempts (paper section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from sfray import seeds
from sfray.arrow import from_table
from sfray.config import Config, DecodingConfig
from sfray.grammar import STRUCTURAL_TAG, Verdict, VerdictError, parse_verdict
from sfray.models import anywhere
from sfray.prompts import load
from sfray.records import Attempt, Question, Reflection, Reject
from sfray.rejects import RejectReason
from sfray.sampling.engine import MAX_SEED_BITS, Request, Sampled
from sfray.sampling.shards import ShardJob, run_shards
from sfray.sampling.totals import totals
from sfray.store import Stage
from sfray.tasks.outcome import Reason

Source = tuple[Attempt, str, int]
"""An attempt, a reflection variant, and the number of its first sample."""


@dataclass(frozen=True)
class ReflectionJob(ShardJob):
    """Samples reflections. One shard is one part of the attempts.

    Attributes:
        questions: Parquet file of the questions; its row groups match the attempts' parts.
        attempts: Folder of the attempts.
    """

    questions: Path
    attempts: Path

    record = Reflection

    @property
    def decoding(self) -> DecodingConfig:
        """``config.reflect``."""
        return self.config.reflect

    def requests(self, shard: int) -> tuple[list[Source], list[Request], list[Reject]]:
        """One request for each usable attempt and reflection variant.

        An attempt that was cut, gives no answer or one that nobody could judge cannot stand
        in a trace, so it is not reflected on. The prompt is the question's own: hints are never shown here.
        """
        prompts = load(self.config.prompts)
        table = pq.ParquetFile(self.questions).read_row_group(shard)
        questions = {q.id: q for q in from_table(Question, table)}
        sources, requests, rejects = [], [], []
        for attempt in from_table(Attempt, pq.read_table(self.attempts / f"part-{shard:05d}.parquet")):
            if unusable := why_unusable(attempt):
                rejects.append(Reject(attempt.id, unusable))
                continue
            for i, variant in enumerate(self.config.reflect.variants):
                key = f"{attempt.id}/{variant}"
                messages = prompts.reflection(variant, questions[attempt.question_id].text, attempt.text.strip())
                sources.append((attempt, variant, i * self.decoding.n))
                requests.append(Request(key, tuple(messages), self._seed(key)))
        return sources, requests, rejects

    def _seed(self, key: str) -> int:
        return seeds.derive(self.config.run.seed, "reflections", key, bits=MAX_SEED_BITS)

    def rows(self, source: Source, samples: Sequence[Sampled]) -> tuple[list[Reflection], list[Reject]]:
        """Reads the verdicts; a reflection is valid when its verdict agrees with the verifier."""
        attempt, _, first = source
        kept, rejects = [], []
        for k, sample in enumerate(samples, first):
            key = f"{attempt.id}/r{k}"
            verdict = parse_verdict(sample.text)
            if STRUCTURAL_TAG.search(sample.text):
                rejects.append(Reject(key, RejectReason.STRUCTURAL_TAG, sample.text[:500]))
                continue
            if sample.finish != "stop":
                rejects.append(Reject(key, RejectReason.TRUNCATED, sample.text[-200:]))
            elif isinstance(verdict, VerdictError):
                rejects.append(Reject(key, RejectReason(verdict), sample.text[-200:]))
            readable = isinstance(verdict, Verdict) and sample.finish == "stop"
            kept.append(
                Reflection(
                    key,
                    attempt.id,
                    attempt.question_id,
                    k,
                    sample.text,
                    sample.tokens,
                    sample.finish,
                    verdict.value if readable else None,
                    readable and (verdict is Verdict.CORRECT) == attempt.correct,
                )
            )
        return kept, rejects


def why_unusable(attempt: Attempt) -> RejectReason | None:
    """Why an attempt cannot stand in a trace, or None when it can."""
    if attempt.finish != "stop":
        return RejectReason.ATTEMPT_TRUNCATED
    if attempt.answer is None:
        return RejectReason.ATTEMPT_WITHOUT_ANSWER
    return None if Reason(attempt.reason).judged else RejectReason.ATTEMPT_UNJUDGED


def run(config: Config, stage: Stage, inputs: Mapping[str, Path]) -> None:
    """Samples the reflections that are missing."""
    job = ReflectionJob(config, stage, inputs["questions"].resolve() / "sft.parquet", inputs["attempts"].resolve())
    missing = stage.missing(pq.ParquetFile(job.questions).num_row_groups)
    written = run_shards(job, anywhere(config.model.path), missing, "reflections")
    counts = totals(stage, ("valid",))
    metrics = {"valid_rate": counts["valid"] / max(counts["rows"], 1)}
    stage.commit(counts, metrics, written=written)
