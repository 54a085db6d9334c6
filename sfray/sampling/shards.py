"""Runs a stage's missing shards through a pool of engine actors on Ray Data.

A shard is one row of the dataset. An actor reads the shard's input, samples, and
writes the finished part itself, so the driver sees only summaries: its memory does not
grow with the data, and a driver that dies loses the shards in flight and no more. Ray
Data restarts dead actors and repeats their shards; seeds make the repeat identical.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.pool import AsyncResult, ThreadPool
from typing import Any, ClassVar

from sfray.config import DecodingConfig
from sfray.config.settings import SamplingSettings
from sfray.io.arrow import to_table
from sfray.models import resolve
from sfray.progress import Bar
from sfray.records import Reject
from sfray.sampling.engine import Engine, Refused, Request, Sampled, environment
from sfray.store.artifact import Artifact, StageStalled
from sfray.store.sessions import Span
from sfray.watch.metrics import QUEUE, ROWS, RUNNING, TOKEN_RATE, TOKENS, Meter, tags_of
from sfray.watch.watchdog import Watchdog
from sfray.watch.worker import join

POLL_SECONDS = 0.5
"""Longest time that a row is awaited without a look around."""

STARTED = ("imports_began", "imports_ended", "engine_ended")
"""Columns of a shard's summary: when its engine started, in seconds since the epoch."""


@dataclass(frozen=True)
class ShardJob(ABC):
    """What a sampling stage asks of a shard, and what becomes of the answers.

    Plain data: it is sent to every actor.
    """

    output: Artifact
    config: SamplingSettings

    record: ClassVar[type]

    @property
    @abstractmethod
    def decoding(self) -> DecodingConfig:
        """How to sample."""

    def engine(self, model: str, on_step: Callable[[int], None]) -> Engine:
        """Loads the engine, in the actor. Override where another one answers.

        Args:
            model: As :func:`sfray.models.folder.resolve` takes it.
            on_step: Is told after each step of the engine how many requests are unfinished.
        """
        # Resolved here: a model of the hub lies where this node keeps its downloads.
        return Engine(resolve(model), self.config.model, self.config.engine, on_step)

    @abstractmethod
    def requests(self, shard: int) -> tuple[list[Any], list[Request], list[Reject]]:
        """Reads a shard: its sources, a request for each, and what cannot be asked."""

    def sampled(self, engine: Engine, requests: Sequence[Request]) -> list[list[Sampled] | Refused]:
        """The engine's answers."""
        return engine.sample(requests, self.decoding)

    def finished(self, engine: Engine, shard: int) -> Finished:
        """All of a shard: one request for each source. Override where requests depend on answers."""
        sources, requests, rejects = self.requests(shard)
        rows: list[Any] = []
        tokens = 0
        for source, request, samples in zip(sources, requests, self.sampled(engine, requests), strict=True):
            if isinstance(samples, Refused):
                rejects.append(Reject(id=request.id, reason=samples.reason, detail=samples.detail))
                continue
            tokens += sum(s.tokens for s in samples)
            kept, refused = self.rows(source, samples)
            rows += kept
            rejects += refused
        return Finished(rows, rejects, tokens)

    @abstractmethod
    def rows(self, source: Any, samples: Sequence[Sampled]) -> tuple[list[Any], list[Reject]]:
        """The rows of ``record`` that one source's samples become."""


@dataclass(frozen=True)
class Finished:
    """A shard's output.

    Attributes:
        rows: Of the job's ``record``.
        rejects: What could not be used.
        tokens: That were sampled.
    """

    rows: list[Any]
    rejects: list[Reject]
    tokens: int


class ShardWorker:
    """The actor: one engine, fed with shards of one job."""

    def __init__(self, job: ShardJob, model: str) -> None:
        self.job = job
        self.journal = join(job.output)
        self.meter = Meter(tags_of(job.output))
        self.engine = job.engine(model, self.step)

    def step(self, unfinished: int) -> None:
        """The engine has done a step."""
        if self.journal.beat():
            self.meter.set(RUNNING, unfinished)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Works off the shards of a batch; returns a summary of each, and when its engine started.

        Ray calls it in up to ``engine.shards_in_flight`` threads at a time.
        """
        start = dict(zip(STARTED, self.engine.start, strict=True))
        summaries = [self.work(int(shard)) | start for shard in batch["shard"]]
        return {key: [s[key] for s in summaries] for key in summaries[0]}

    def work(self, shard: int) -> dict[str, Any]:
        """Samples one shard and persists it."""
        self.journal.begin(shard)
        done = self.job.finished(self.engine, shard)
        self.job.output.write_shard(shard, to_table(self.job.record, done.rows), done.rejects)
        self.journal.end()
        summary = {"shard": shard, "rows": len(done.rows), "rejects": len(done.rejects), "tokens": done.tokens}
        return summary | asdict(self.engine.feed.take_use())


def run_shards(job: ShardJob, model: str, shards: int, title: str) -> dict[int, int]:
    """Works off the shards that are not finished yet, with a progress bar.

    Args:
        job: The stage's job.
        model: The model to sample from, as :func:`sfray.models.folder.resolve` takes it on any node.
        shards: How many there are in all.
        title: Label of the bar.

    Returns:
        Shard -> rows, as the actors reported them.

    Raises:
        StageStalled: Nothing finished for ``engine.timeout_minutes``.
        WorkerSilent: An engine did no step for ``cluster.silent_minutes``.
        ray.exceptions.RayError: An actor failed for a reason that a retry cannot fix.
    """
    written: dict[int, int] = {}
    missing = job.output.missing(shards)
    if not missing:
        return written
    speed, meter, began = Speed(), Meter(tags_of(job.output)), time.time()
    watchdog = Watchdog(job.output, title, job.config.cluster.silent_minutes)
    running = slots = 0.0
    with Bar(title, total=shards, unit="shards", done=shards - len(missing)) as bar:
        for summary in watched(summaries(job, model, missing), job.config.engine.timeout_minutes, watchdog.look):
            if not written:
                job.output.spent(*start_spans(began, *(summary[name] for name in STARTED)))
            written[summary["shard"]] = summary["rows"]
            running, slots = running + summary["running"], slots + summary["slots"]
            bar.advance(speed.note(summary["rows"], summary["tokens"], time.monotonic()))
            meter.add(ROWS, summary["rows"])
            meter.add(TOKENS, summary["tokens"])
            meter.set(TOKEN_RATE, speed.tokens_per_second)
            meter.set(QUEUE, len(missing) - len(written))
        watchdog.look(now=True)
    job.output.used(running, slots)
    return written


def start_spans(began: float, imports: float, imported: float, loaded: float) -> list[Span]:
    """What came before the first shard: the actor's process, its imports, its engine. In seconds since the epoch."""
    return [
        Span(name="workers", began=began, ended=max(began, imports)),
        Span(name="imports", began=imports, ended=imported),
        Span(name="engine", began=imported, ended=loaded),
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


def summaries(job: ShardJob, model: str, shards: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Works off shards in any order; yields a summary of each as it is persisted."""
    import ray.data

    engine = job.config.engine
    at_once = engine.at_once(len(shards))
    # One block per shard: the block is Ray Data's unit of balance and of retry.
    dataset = ray.data.from_items([{"shard": s} for s in shards], override_num_blocks=len(shards))
    results = dataset.map_batches(
        ShardWorker,
        fn_constructor_args=(job, model),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(
            size=min(engine.actors, len(shards)),
            enable_true_multi_threading=True,
            max_concurrent_calls_per_actor=at_once,
            max_tasks_in_flight_per_actor=at_once,
        ),
        num_cpus=engine.cpus_per_actor,
        num_gpus=engine.tensor_parallel if engine.device == "cuda" else 0,
        runtime_env={"env_vars": environment(engine)},
    )
    yield from results.iter_rows()


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
