"""Runs the missing shards of stages through a pool of engine actors on Ray Data.

A shard is one row of the dataset. An actor reads the shard's input, samples, and
writes the finished part itself, so the driver sees only summaries: its memory does not
grow with the data, and a driver that dies loses the shards in flight and no more. Ray
Data restarts dead actors and repeats their shards; seeds make the repeat identical.

One pool may work for several jobs, one after the other: a process and its imports start once, and an actor that has
no more to do for one model loads the next while other actors finish the shards of the one before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult, ThreadPool
from typing import Any

from sfray.progress import Bar
from sfray.sampling.engine import environment
from sfray.sampling.job import Asked, ShardJob
from sfray.sampling.worker import STARTED, ShardWorker
from sfray.store.artifact import StageStalled
from sfray.store.sessions import Span, begin_later
from sfray.watch.metrics import QUEUE, ROWS, TOKEN_RATE, TOKENS, Meter, tags_of
from sfray.watch.watchdog import Watchdog

POLL_SECONDS = 0.5
"""Longest time that a row is awaited without a look around."""


def run_shards(job: ShardJob, model: str, shards: int, title: str) -> dict[int, int]:
    """Works off the shards of one job that are not finished yet, with a progress bar.

    Args:
        job: The stage's job.
        model: The model to sample from, as :func:`sfray.models.folder.resolve` takes it on any node.
        shards: How many there are in all.
        title: Label of the bar.

    Returns:
        Shard -> rows, as the actors reported them.

    Raises:
        StageStalled: See :func:`run_jobs`, as for the others.
        WorkerSilent: An engine did no step for ``cluster.silent_minutes``.
        ray.exceptions.RayError: An actor failed for a reason that a retry cannot fix.
    """
    ((_, written),) = run_jobs([Asked(job, model, shards, title)])
    return written


def run_jobs(asked: Sequence[Asked]) -> Iterator[tuple[int, dict[int, int]]]:
    """Works off the shards of several jobs that are not finished yet, in one pool, with one progress bar.

    Shards are begun in the order of the jobs. Wall time belongs to the first job that is not finished: the session of
    the next one's artifact begins when the caller is done with it.

    Args:
        asked: The jobs. The settings of the pool are those of the first.

    Yields:
        Place of a job whose last shard is there, and its shard -> rows as the actors reported them. Jobs of which
        nothing is missing come first.

    Raises:
        StageStalled: Nothing finished for ``engine.timeout_minutes``.
        WorkerSilent: An engine did no step for ``cluster.silent_minutes``.
        ray.exceptions.RayError: An actor failed for a reason that a retry cannot fix.
    """
    tallies = {place: Tally(one) for place, one in enumerate(asked)}
    for place in [place for place, tally in tallies.items() if not tally.left]:
        yield place, tallies.pop(place).written
    if not tallies:
        return
    settings, whole = asked[0].job.config, sum(one.shards for one in asked)
    rows = [(place, shard) for place, tally in tallies.items() for shard in tally.missing]
    first = next(iter(tallies.values()))
    first.watch()

    def look() -> None:
        """Looks after the workers of all jobs."""
        for tally in tallies.values():
            tally.look()

    found = watched(summaries(asked, rows), settings.engine.timeout_minutes, look)
    with Bar(", ".join(one.title for one in asked), whole, "shards", done=whole - len(rows)) as bar:
        for summary in found:
            tally = tallies[summary["job"]]
            if tally is not first:
                tally.starts()
            bar.advance(tally.note(summary))
            if tally.left:
                continue
            tally.finish()
            yield summary["job"], tallies.pop(summary["job"]).written
            if first is tally and tallies:
                first = next(iter(tallies.values()))
                first.starts()


class Tally:
    """What the driver knows of a job at work.

    Attributes:
        missing: Its shards that were not there when it was asked for.
        written: Shard -> rows, of those that are there since.
    """

    def __init__(self, asked: Asked) -> None:
        """Looks what is missing."""
        self.asked = asked
        self.output = asked.job.output
        self.missing = self.output.missing(asked.shards)
        self.written: dict[int, int] = {}
        self._speed, self._meter = Speed(), Meter(tags_of(self.output))
        self._running = self._slots = 0.0
        self._began = time.time()
        self._watchdog: Watchdog | None = None

    @property
    def left(self) -> int:
        """Shards that are still missing."""
        return len(self.missing) - len(self.written)

    def starts(self) -> None:
        """What was before now belongs to other jobs; from now on this one has workers to look after, too."""
        self._began = time.time()
        begin_later(self.output.plan_path, self._began)
        self.watch()

    def watch(self) -> None:
        """Has its workers looked after."""
        if self._watchdog is None:
            self._watchdog = Watchdog(self.output, self.asked.title, self.asked.job.config.cluster.silent_minutes)

    def look(self, now: bool = False) -> None:
        """Looks after the workers, if there are any; see :meth:`sfray.watch.watchdog.Watchdog.look`."""
        if self._watchdog is not None:
            self._watchdog.look(now)

    def note(self, summary: dict[str, Any]) -> str:
        """Counts a finished shard; what to show beside the bar.

        Args:
            summary: As the actor gives it.
        """
        if not self.written:
            self.output.spent(*start_spans(self._began, *(summary[name] for name in STARTED)))
        self.written[summary["shard"]] = summary["rows"]
        self._running, self._slots = self._running + summary["running"], self._slots + summary["slots"]
        shown = self._speed.note(summary["rows"], summary["tokens"], time.monotonic())
        self._meter.add(ROWS, summary["rows"])
        self._meter.add(TOKENS, summary["tokens"])
        self._meter.set(TOKEN_RATE, self._speed.tokens_per_second)
        self._meter.set(QUEUE, self.left)
        return shown

    def finish(self) -> None:
        """The last shard is there."""
        self.look(now=True)
        self.output.used(self._running, self._slots)


def start_spans(began: float, imports: float, imported: float, loaded: float) -> list[Span]:
    """What came before the first shard: the actor's process, its imports, its engine. In seconds since the epoch.

    An engine that was there before the job began takes none of its time.
    """
    ends = [max(began, at) for at in (imports, imported, loaded)]
    names = ("workers", "imports", "engine")
    return [
        Span(name=name, began=at, ended=end) for name, at, end in zip(names, [began, *ends[:-1]], ends, strict=True)
    ]


@dataclass
class Speed:
    """Rows and tokens a second from the first shard on: what came before it is mostly the loading of the model."""

    rows: int = 0
    tokens: int = 0
    first: tuple[int, int, float] | None = None
    tokens_per_second: float | None = None

    def note(self, rows: int, tokens: int, now: float) -> str:
        """Counts a finished shard; what to show beside the bar.

        Args:
            rows: Of the shard.
            tokens: Of the shard.
            now: The time, in seconds.
        """
        self.rows += rows
        self.tokens += tokens
        if self.first is None:
            self.first = (self.rows, self.tokens, now)
        before = self.first
        if (seconds := now - before[2]) <= 0:
            return f"{self.rows:,} rows"
        row_rate, self.tokens_per_second = (self.rows - before[0]) / seconds, (self.tokens - before[1]) / seconds
        return f"{self.rows:,} rows, {row_rate:,.0f} rows/s, {self.tokens_per_second:,.0f} tokens/s"


def summaries(asked: Sequence[Asked], rows: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Works off shards in any order; yields a summary of each as it is persisted.

    Args:
        asked: The jobs.
        rows: Place of the job and number of each shard, in the order in which they are begun.
    """
    import ray.data

    engine = asked[0].job.config.engine
    at_once = engine.at_once(max(Counter(place for place, _ in rows).values()))
    # One block per shard: the block is Ray Data's unit of balance and of retry.
    dataset = ray.data.from_items([{"job": j, "shard": s} for j, s in rows], override_num_blocks=len(rows))
    results = dataset.map_batches(
        ShardWorker,
        fn_constructor_args=(asked,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(
            size=min(engine.actors, len(rows)),
            enable_true_multi_threading=True,
            max_concurrent_calls_per_actor=at_once,
            max_tasks_in_flight_per_actor=at_once,
        ),
        num_cpus=engine.cpus_per_actor,
        num_gpus=engine.tensor_parallel if engine.device == "cuda" else 0,
        runtime_env={"env_vars": environment(engine)},
    )
    # Nothing is fetched ahead: the last shard of a job must not wait for the first of the next.
    tables: Iterable[Any] = results.iter_batches(batch_size=None, prefetch_batches=0, batch_format="pyarrow")
    for table in tables:
        yield from table.to_pylist()


def watched(
    rows: Iterator[dict[str, Any]], minutes: float, look: Callable[[], None] = lambda: None
) -> Iterator[dict[str, Any]]:
    """Passes rows on; raises when none comes for too long.

    Each row is awaited in another thread, because an engine that hangs in native code (a dead
    accelerator, for one) leaves Ray Data waiting for ever. It is a ``ThreadPool``'s: Python
    waits for the threads of ``concurrent.futures`` at exit, for ever too.

    Args:
        rows: The rows.
        minutes: How long to wait for one.
        look: Called at least every ``POLL_SECONDS`` meanwhile; what it raises ends the wait.

    Raises:
        StageStalled: No row came for ``minutes``.
    """
    waiter = ThreadPool(1)
    try:
        while (row := _awaited(waiter.apply_async(next, (rows, None)), minutes, look)) is not None:
            yield row
    finally:
        waiter.close()


def _awaited(result: AsyncResult[Any], minutes: float, look: Callable[[], None]) -> Any:
    deadline = time.monotonic() + minutes * 60
    while True:
        look()
        result.wait(max(0.0, min(POLL_SECONDS, deadline - time.monotonic())))
        if result.ready():
            return result.get()
        if time.monotonic() >= deadline:
            raise StageStalled(minutes)
