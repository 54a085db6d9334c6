"""Builds traces with a pool of TraceBuilder actors, one shard at a time each.

A builder reads its shard, builds, and writes the finished part itself; the driver sees one
small summary per shard. So no process holds more than a shard, a builder that dies costs
the shard it was at, and since every question seeds itself the parts come out byte for byte
the same for any number of builders and after any death.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sfray import models
from sfray.artifacts import Attempts, Questions, Reflections, Segments
from sfray.config.settings import TraceSettings
from sfray.io.arrow import from_table, to_table
from sfray.io.files import read_json, write_json
from sfray.progress import Bar, console
from sfray.prompts import Prompts, load
from sfray.records import Attempt, Question, Reflection, SkillSegment, Trace
from sfray.skills.registry import skills
from sfray.skills.skill import Skill
from sfray.store.artifact import Artifact, StageStalled
from sfray.traces.build import Built, Workshop, build_shard
from sfray.traces.format import Count
from sfray.traces.recipes import require
from sfray.traces.statistics import Statistics
from sfray.traces.subsample import subsample
from sfray.watch.metrics import QUEUE, ROWS, Meter, tags_of
from sfray.watch.watchdog import Watchdog
from sfray.watch.worker import join

CPUS_PER_BUILDER = 0.5
"""Ray reservation: half of it is reading and writing."""

POLL_SECONDS = 0.5
"""Longest time that a result is awaited without a look around."""

_MAX_DEATHS = 5


@dataclass(frozen=True)
class Sources:
    """What traces are made of; the shards of all match."""

    questions: Questions
    attempts: Attempts
    reflections: Reflections
    segments: tuple[Segments, ...] = ()

    @property
    def skills(self) -> dict[str, Skill]:
        """The skills of the segments by name.

        Raises:
            ValueError: There is no such skill, or two share a tag.
        """
        return skills([one.skill for one in self.segments], "traces: segments")


class TraceBuilder:
    """The actor: builds the traces of one shard after another.

    Args:
        config: The settings.
        output: Where the traces go.
        model: The model whose tokenizer counts.
        sources: What they are made of.
        prompts: The words, read once by the driver.
    """

    def __init__(self, config: TraceSettings, output: Artifact, model: str, sources: Sources, prompts: Prompts) -> None:
        tokenizer = models.load_tokenizer(models.resolve(model), config.model.trust_remote_code)
        self.workshop = Workshop(
            config.trace,
            config.run.seed,
            prompts,
            counter(tokenizer),
            partial(models.control_token, tokenizer),
            sources.skills,
        )
        self.output = output
        self.journal = join(output)
        self.sources = sources
        self.questions = pq.ParquetFile(sources.questions.file)
        self.journal.beat()  # up: what is slow is done

    def names(self, shard: int) -> tuple[int, list[str]]:
        """The ids of the traces that a shard can make."""
        return shard, [trace.id for trace in self._built(shard).traces]

    def build(self, shard: int, kept: frozenset[str] | None = None) -> dict[str, int]:
        """Builds and persists one shard.

        Args:
            shard: Its number.
            kept: Ids of the traces to keep; None for all.

        Returns:
            What the progress bar shows.
        """
        self.journal.begin(shard)
        built = self._built(shard, kept)
        # Before the part: where a part is, its statistics are too.
        write_json(_statistics(self.output, shard), built.statistics.as_dict())
        self.output.write_shard(shard, to_table(Trace, built.traces), built.rejects)
        self.journal.end()
        return {"shard": shard, "traces": len(built.traces), "rejects": len(built.rejects)}

    def _built(self, shard: int, kept: frozenset[str] | None = None) -> Built:
        return build_shard(
            from_table(Question, self.questions.read_row_group(shard)),
            from_table(Attempt, pq.read_table(self.sources.attempts.shard(shard))),
            from_table(Reflection, pq.read_table(self.sources.reflections.shard(shard))),
            replace(self.workshop, kept=kept),
            [row for of in self.sources.segments for row in from_table(SkillSegment, pq.read_table(of.shard(shard)))],
        )


def counter(tokenizer: Any) -> Count:
    """Counts tokens as SFT will: prompt with the chat template, response, end of sequence.

    Args:
        tokenizer: The model's.
    """

    # The traces of a question share their prompt and come one after the other.
    @lru_cache(maxsize=16)
    def prompt_tokens(prompt: str) -> int:
        """Tokens of the user turn in the chat template."""
        return len(models.prompt_ids(tokenizer, [{"role": "user", "content": prompt}]))

    return lambda prompt, text: prompt_tokens(prompt) + len(models.token_ids(tokenizer, text)) + 1


def build(config: TraceSettings, output: Artifact, model: str, sources: Sources) -> None:
    """Builds the shards that are missing; Ray is connected already.

    Args:
        config: The settings.
        output: Where the traces go, open.
        model: The model whose tokenizer counts, as :func:`sfray.models.folder.resolve` takes it.
        sources: What they are made of.

    Raises:
        ValueError: ``trace`` asks for what its recipe cannot do, or for more traces than there are, the
            shards of the inputs do not match, or two skills of the segments share a tag.
        ray.exceptions.RayError: A builder failed for a reason that a retry cannot fix.
    """
    start = time.monotonic()
    require(config.trace)
    skills([one.skill for one in sources.segments], "traces: segments")
    shards = _shards(sources)
    missing = output.missing(shards)
    watchdog = Watchdog(output, "traces", config.cluster.silent_minutes)
    meter = Meter(tags_of(output))
    with Bar("traces", shards, "shards", done=shards - len(missing)) as bar:
        written: dict[int, int] = {}
        traces = 0
        with _builders(config, output, models.anywhere(model), sources, len(missing)) as builders:
            minutes = config.engine.timeout_minutes
            kept = _kept(config, builders, range(shards)) if missing else {}
            work = [(shard, kept.get(shard)) for shard in missing]
            for summary in _each(builders, "build", work, minutes, watchdog.look):
                written[summary["shard"]] = summary["traces"]
                traces += summary["traces"]
                bar.advance(f"{traces:,} traces, {traces / (time.monotonic() - start):,.0f} traces/s")
                meter.add(ROWS, summary["traces"])
                meter.set(QUEUE, len(missing) - len(written))
            watchdog.look(now=True)
    statistics = Statistics()
    for shard in range(shards):
        statistics.merge(read_json(_statistics(output, shard)))
    summary = statistics.summary()
    write_json(output.path / "statistics.json", summary)
    counts = {k: statistics.totals[k] for k in ("questions", "questions_with_traces", "traces", "tokens")}
    output.commit(counts, summary, written=written)
    if line := limit_line(summary, config.trace.max_tokens):
        console.print(line, markup=False)


def limit_line(summary: Mapping[str, Any], limit: int) -> str | None:
    """What the limit on tokens did to the traces, and to their mix; None where all fitted."""
    redrawn, given_up = summary["redrawn"], summary["given_up"]
    if not redrawn + given_up:
        return None
    drawn, kept = (summary["with_incorrect"][key] for key in ("drawn", "kept"))
    return (
        f"trace.max_tokens = {limit}: {redrawn:,} traces were drawn again to fit, {given_up:,} were given up; traces "
        f"with an incorrect attempt: {drawn or 0:.1%} as first drawn, {kept or 0:.1%} as kept"
    )


def _kept(config: TraceSettings, builders: Sequence[Any], shards: Sequence[int]) -> dict[int, frozenset[str]]:
    """Shard -> the traces that ``trace.subsample_size`` keeps; empty without it."""
    size = config.trace.subsample_size
    if size is None:
        return {}
    names = dict(_each(builders, "names", [(shard,) for shard in shards], config.engine.timeout_minutes))
    return subsample(names, size, config.run.seed)


@contextmanager
def _builders(
    config: TraceSettings, output: Artifact, model: str, sources: Sources, work: int
) -> Iterator[Sequence[Any]]:
    """The actors: ``trace.builders`` of them, but no more than there is work for."""
    if not work:
        yield []
        return
    import ray

    # A builder that dies is started again and repeats its shard; an exception is not retried.
    actor: Any = ray.remote(num_cpus=CPUS_PER_BUILDER, max_restarts=_MAX_DEATHS, max_task_retries=_MAX_DEATHS)(
        TraceBuilder
    )
    prompts = load(config.prompts)
    builders = [actor.remote(config, output, model, sources, prompts) for _ in range(min(config.trace.builders, work))]
    try:
        yield builders
    finally:
        for builder in builders:
            ray.kill(builder)


def _each(
    builders: Sequence[Any],
    method: str,
    calls: Sequence[tuple[Any, ...]],
    timeout_minutes: float,
    look: Callable[[], None] = lambda: None,
) -> Iterator[Any]:
    """The results of a method of the builders, as they come.

    Args:
        builders: The actors.
        method: Its name.
        calls: The arguments of each call.
        timeout_minutes: How long to wait for one result.
        look: Called at least every ``POLL_SECONDS`` meanwhile; what it raises ends the wait.

    Raises:
        StageStalled: None came in that time.
    """
    if not calls:
        return
    import ray

    waiting = list(reversed(calls))
    # One shard at a time each: a slow builder never sits on work that another could do.
    at_work: dict[Any, tuple[Any, tuple[Any, ...]]] = {}

    def start(builder: Any) -> None:
        """Has a builder that is free do the next call, if there is one."""
        if waiting:
            call = waiting.pop()
            at_work[getattr(builder, method).remote(*call)] = (builder, call)

    for builder in builders:
        start(builder)
    deadline = time.monotonic() + 60 * timeout_minutes
    while at_work:
        look()
        ready, _ = ray.wait(list(at_work), num_returns=1, timeout=min(POLL_SECONDS, 60 * timeout_minutes))
        if not ready and time.monotonic() >= deadline:
            raise StageStalled(timeout_minutes)
        if not ready:
            continue
        (finished,) = ready
        builder, call = at_work.pop(finished)
        try:
            result = ray.get(finished)
        except ray.exceptions.ActorUnavailableError:
            # Its node is gone, which Ray takes up to half a minute to find out: retries do not last until then.
            if time.monotonic() >= deadline:
                raise
            time.sleep(POLL_SECONDS)
            waiting.append(call)
        else:
            deadline = time.monotonic() + 60 * timeout_minutes
            yield result
        start(builder)


def _shards(sources: Sources) -> int:
    shards = sources.questions.shards
    for source in (sources.attempts, sources.reflections, *sources.segments):
        absent = [i for i in range(shards) if not source.shard(i).exists()]
        if absent:
            raise ValueError(f"{source.path}: {len(absent)} of {shards} shards are missing, the first is {absent[0]}")
    return shards


def _statistics(output: Artifact, shard: int) -> Path:
    return output.path / "statistics" / f"{shard:05d}.json"
