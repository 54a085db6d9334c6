"""Reflections for which there is a use: asked for in rounds, until the traces of a shard need no more.

A reflection has the text that it has among all: its seed derives from its own id, and which others are asked
for changes nothing about it. What is asked for depends on answers alone, so a shard that is repeated asks for
the same.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import pyarrow.parquet as pq

from sfray import models
from sfray.config.settings import Demand, LazyReflectionSettings
from sfray.io.arrow import from_table
from sfray.prompts import Prompts, load
from sfray.records import Question, Reflection, Reject
from sfray.sampling.engine import Engine, Refused, Request, Sampled
from sfray.sampling.job import Finished
from sfray.sampling.reflections import SKILL, ReflectionJob, Source
from sfray.skills.skill import Subject
from sfray.traces.build import Workshop
from sfray.traces.builder import counter
from sfray.traces.demand import Pending, in_probe, on


@dataclass(frozen=True)
class LazyReflectionJob(ReflectionJob):
    """Samples the reflections that ``config.demands`` need."""

    config: LazyReflectionSettings

    def finished(self, engine: Engine, shard: int) -> Finished:
        """Asks round after round; the rows are in the order of the attempts, whatever the order of asking."""
        prompts = load(self.config.prompts)
        subjects = self.subjects(shard)
        unusable = [Reject(id=s.id, reason=reason) for s in subjects if (reason := SKILL.unusable(s))]
        left_out = {reject.id for reject in unusable}
        possible = {_id(source): source for s in subjects if s.id not in left_out for source in self._sources(s)}
        questions = from_table(Question, pq.ParquetFile(self.questions.file).read_row_group(shard))
        pending = [_pending(question, subjects, possible) for question in questions]
        answers: dict[str, tuple[list[Reflection], list[Reject]]] = {}
        tokens = 0
        for names in self._rounds(pending, list(possible), self.workshops(engine.tokenizer)):
            sources = [possible[name] for name in names]
            sampled = engine.sample([self._request(source, prompts) for source in sources], replace(self.decoding, n=1))
            for name, source, samples in zip(names, sources, sampled, strict=True):
                answers[name] = self._answer(source, samples)
                tokens += 0 if isinstance(samples, Refused) else sum(s.tokens for s in samples)
            _tell(pending, {name: answers[name][0] for name in names})
        rows = [row for name in possible if name in answers for row in answers[name][0]]
        refused = {reject.id: reject for name in possible if name in answers for reject in answers[name][1]}
        return Finished(rows, [*unusable, *refused.values()], tokens)

    def workshops(self, tokenizer: Any) -> list[Workshop]:
        """What the traces of each demand are made with, as the traces stage makes them.

        Args:
            tokenizer: The model's.
        """
        # A plan that did not change from one round to the next is counted once.
        count = lru_cache(maxsize=1 << 15)(counter(tokenizer))
        return [
            self._workshop(demand, count, partial(models.control_token, tokenizer)) for demand in self.config.demands
        ]

    def _workshop(self, demand: Demand, count: Any, control: Any) -> Workshop:
        if demand.limited:
            return Workshop(demand.trace, self.config.run.seed, load(demand.prompts), count, control)
        trace = replace(demand.trace, max_tokens=sys.maxsize)
        return Workshop(trace, self.config.run.seed, load(self.config.prompts), lambda *_: 0)

    def _rounds(
        self, pending: Sequence[Pending], possible: Sequence[str], workshops: Sequence[Workshop]
    ) -> Iterator[list[str]]:
        """Yields the ids of each round, once the answers of the one before are in ``pending``; none of them twice."""
        probe = max((demand.probe for demand in self.config.demands), default=0.0)
        seed = self.config.run.seed
        always = [name for name in possible if name.endswith("/r0") and in_probe(on(name), probe, seed)]
        number = 1
        while True:
            rate = _valid_rate(pending)
            names = [name for one in pending for name in one.ask(workshops, number, rate)]
            names = list(dict.fromkeys([*names, *(always if number == 1 else ())]))
            if not names:
                return
            yield names
            number += 1

    def _sources(self, subject: Subject) -> Iterator[Source]:
        """All reflections that could be asked for on an attempt."""
        for i, variant in enumerate(self.config.reflect.variants):
            for k in range(self.decoding.n):
                yield subject, variant, i * self.decoding.n + k

    def _request(self, source: Source, prompts: Prompts) -> Request:
        """The one sample that :meth:`requests` asks for among others: sample k of a request has its seed + k."""
        subject, variant, number = source
        first = self.request(subject, variant, prompts)
        return replace(first, seed=first.seed + number % self.decoding.n)

    def _answer(self, source: Source, samples: Sequence[Sampled] | Refused) -> tuple[list[Reflection], list[Reject]]:
        if isinstance(samples, Refused):
            subject, variant, _ = source
            return [], [Reject(id=f"{subject.id}/{variant}", reason=samples.reason, detail=samples.detail)]
        return self.rows(source, samples)


def _id(source: Source) -> str:
    subject, _, number = source
    return f"{subject.id}/r{number}"


def _pending(question: Question, subjects: Sequence[Subject], possible: Collection[str]) -> Pending:
    attempts = [s.attempt for s in subjects if s.question.id == question.id and s.attempt is not None]
    unasked: dict[str, list[str]] = {a.id: [] for a in attempts}
    for name in possible:
        if on(name) in unasked:
            unasked[on(name)].append(name)
    return Pending(question, attempts, unasked)


def _tell(pending: Sequence[Pending], rows: dict[str, list[Reflection]]) -> None:
    """Puts the answers of a round where they belong."""
    for one in pending:
        for name in [name for name in rows if on(name) in one.unasked]:
            one.answer(name, rows[name])


def _valid_rate(pending: Sequence[Pending]) -> float:
    """Share of valid reflections on incorrect attempts so far, from one half at the start."""
    wrong = {a.id for one in pending for a in one.attempts if not a.correct}
    seen = [r.valid for one in pending for r in one.reflections if r.attempt_id in wrong]
    return (sum(seen) + 1) / (len(seen) + 2)
