"""Segments of a skill: the model plans, decomposes or goes back, for questions or for its own attempts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import pyarrow.parquet as pq

from sfray import seeds
from sfray.artifacts import Attempts, Questions
from sfray.config import DecodingConfig
from sfray.config.settings import SegmentSettings
from sfray.grammar import structural
from sfray.io.arrow import from_table
from sfray.models import anywhere
from sfray.prompts import load
from sfray.records import Attempt, Question, Reject, SkillSegment
from sfray.rejects import RejectReason
from sfray.sampling.engine import MAX_SEED_BITS, Request, Sampled
from sfray.sampling.job import ShardJob
from sfray.sampling.shards import run_shards
from sfray.sampling.totals import totals
from sfray.skills.registry import sampled, skill
from sfray.skills.skill import Skill, Subject
from sfray.store.artifact import Artifact

Source = tuple[Subject, str, int]
"""What the segment speaks of, a variant, and the number of its first sample."""


@dataclass(frozen=True)
class SegmentJob(ShardJob):
    """Samples the segments of one skill. One shard is one row group of the questions.

    Attributes:
        questions: The questions.
        attempts: The attempts at them, whose parts match the row groups; None for a skill
            whose segments speak of questions.
    """

    config: SegmentSettings
    questions: Questions
    attempts: Attempts | None = None

    record = SkillSegment

    @property
    def decoding(self) -> DecodingConfig:
        """``config.segments``."""
        return self.config.segments

    @cached_property
    def skill(self) -> Skill:
        """The skill that is sampled."""
        return skill(self.config.segments.skill, "segments.skill")

    def check(self) -> None:
        """Looks for what would fail in every shard.

        Raises:
            ValueError: There is no such skill or wording, or the attempts it speaks of are not given.
        """
        sampled(self.config.segments, load(self.config.prompts))
        if self.skill.about is Attempt and self.attempts is None:
            raise ValueError(
                f"segments.skill: {self.skill.name} speaks of attempts, so the step needs attempts as input"
            )

    def requests(self, shard: int) -> tuple[list[Source], list[Request], list[Reject]]:
        """One request for each usable subject and variant."""
        prompts = load(self.config.prompts)
        sources, requests, rejects = [], [], []
        for subject in self._subjects(shard):
            if unusable := self.skill.unusable(subject):
                rejects.append(Reject(id=subject.id, reason=unusable))
                continue
            for i, variant in enumerate(self.config.segments.variants):
                key = f"{subject.id}/{self.skill.name}/{variant}"
                seed = seeds.derive(self.config.run.seed, "segments", key, bits=MAX_SEED_BITS)
                sources.append((subject, variant, i * self.config.segments.n))
                requests.append(Request(key, tuple(self.skill.prompt(subject, prompts, variant)), seed))
        return sources, requests, rejects

    def _subjects(self, shard: int) -> Iterator[Subject]:
        questions = from_table(Question, pq.ParquetFile(self.questions.file).read_row_group(shard))
        if self.skill.about is Question or self.attempts is None:
            yield from map(Subject, questions)
            return
        by_id: Mapping[str, Question] = {q.id: q for q in questions}
        for attempt in from_table(Attempt, pq.read_table(self.attempts.shard(shard))):
            yield Subject(by_id[attempt.question_id], attempt)

    def rows(self, source: Source, samples: Sequence[Sampled]) -> tuple[list[SkillSegment], list[Reject]]:
        """Reads the segments; one that may not be shown is a reject, with the beginning of what was written."""
        subject, variant, first = source
        kept, rejects = [], []
        for k, sample in enumerate(samples, first):
            key = f"{subject.id}/{self.skill.tag}{k}"
            text = self._read(sample, subject)
            if isinstance(text, StrEnum):
                rejects.append(Reject(id=key, reason=text, detail=sample.text[:500]))
                continue
            kept.append(
                SkillSegment(
                    id=key,
                    skill=self.skill.name,
                    question_id=subject.question.id,
                    attempt_id=None if subject.attempt is None else subject.attempt.id,
                    variant=variant,
                    sample=k,
                    text=text,
                    tokens=sample.tokens,
                    finish=sample.finish,
                )
            )
        return kept, rejects

    def _read(self, sample: Sampled, subject: Subject) -> str | StrEnum:
        """The segment of a sample, or why it may not be shown."""
        if sample.finish != "stop":
            return RejectReason.TRUNCATED
        text = self.skill.read(sample.text, subject)
        if isinstance(text, StrEnum):
            return text
        if structural([self.skill.tag]).search(text):
            return RejectReason.STRUCTURAL_TAG
        return self.skill.flaw(text.strip(), subject) or text.strip()


def sample(
    config: SegmentSettings, output: Artifact, model: str, questions: Questions, attempts: Attempts | None = None
) -> None:
    """Samples the segments that are missing.

    Args:
        config: The settings.
        output: Where the segments go.
        model: The model to ask, as :func:`sfray.models.folder.resolve` takes it.
        questions: The questions.
        attempts: The attempts at them; None for a skill whose segments speak of questions.

    Raises:
        ValueError: See :meth:`SegmentJob.check`.
    """
    job = SegmentJob(output, config, questions, attempts)
    job.check()
    written = run_shards(job, anywhere(model), questions.shards, f"segments: {job.skill.name}")
    output.commit(totals(output, ()), {}, written=written)
