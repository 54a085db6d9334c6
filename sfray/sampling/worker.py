"""The actor that samples shards: one engine at a time, for the shards of several jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from sfray.config import EngineConfig, ModelConfig
from sfray.io.arrow import to_table
from sfray.sampling.engine import Engine
from sfray.sampling.job import Asked
from sfray.sampling.slot import EngineSlot
from sfray.store.artifact import Artifact
from sfray.store.workers import Journal
from sfray.watch.metrics import RUNNING, Meter, tags_of
from sfray.watch.worker import join, worked_before

STARTED = ("imports_began", "imports_ended", "engine_ended")
"""Columns of a shard's summary: when its engine started, in seconds since the epoch."""


@dataclass(frozen=True)
class _Membership:
    """This process among the workers of one artifact."""

    journal: Journal
    meter: Meter


class ShardWorker:
    """The actor: fed with shards of several jobs, it turns to another model when those of the one before are done."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        """Loads nothing yet: which model is wanted first is seen from the first shard."""
        self.asked = asked
        self.slot = EngineSlot(self._loaded)
        self._members: dict[int, _Membership] = {}
        self._lock = Lock()
        for place, one in enumerate(asked):
            # An actor that was started again says so where it was at work, whatever it is given to do now.
            if worked_before(one.job.output) and not one.job.output.done:
                self._member(place)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Works off the shards of a batch; returns a summary of each, and when its engine started.

        Ray calls it in up to ``engine.shards_in_flight`` threads at a time.
        """
        summaries = [self.work(int(j), int(s)) for j, s in zip(batch["job"], batch["shard"], strict=True)]
        return {key: [s[key] for s in summaries] for key in summaries[0]}

    def work(self, place: int, shard: int) -> dict[str, Any]:
        """Samples one shard and persists it.

        Args:
            place: Of its job.
            shard: Its number.
        """
        job, me = self.asked[place].job, self._member(place)
        with self.slot.engine(self.asked[place].wanted) as engine:
            me.journal.begin(shard)
            done = job.finished(engine, shard)
            job.output.write_shard(shard, to_table(job.record, done.rows), done.rejects)
            me.journal.end()
            if not me.journal.at_work:
                me.meter.set(RUNNING, 0)
            summary = {"job": place, "shard": shard, **dict(zip(STARTED, engine.start, strict=True))}
            summary |= {"rows": len(done.rows), "rejects": len(done.rejects), "tokens": done.tokens}
            return summary | asdict(engine.feed.take_use())

    def step(self, unfinished: int) -> None:
        """The engine has done a step: whoever has a shard in it is alive."""
        for member in list(self._members.values()):
            if member.journal.at_work and member.journal.beat():
                member.meter.set(RUNNING, unfinished)
                unfinished = 0  # of jobs that share the engine one shows what is running in it

    def _loaded(self, wanted: tuple[str, ModelConfig, EngineConfig]) -> Engine:
        one = next(one for one in self.asked if one.wanted == wanted)
        return one.job.engine(one.model, self.step)

    def _member(self, place: int) -> _Membership:
        """This process among the workers of a job's artifact, which it joins when it is first asked."""
        with self._lock:
            if place not in self._members:
                output: Artifact = self.asked[place].job.output
                self._members[place] = _Membership(join(output), Meter(tags_of(output)))
            return self._members[place]
