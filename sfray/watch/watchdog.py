"""The driver's eye on the workers of a step: it tells what happens to them, and ends the step when one falls silent."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sfray.errors import TRY_AGAIN
from sfray.io.files import replacing
from sfray.progress import console
from sfray.store import failure, workers
from sfray.store.artifact import Artifact
from sfray.store.failure import LOGS
from sfray.store.workers import Identity, Journal, Record
from sfray.watch.metrics import INCIDENTS, Meter, tags_of
from sfray.watch.stacks import ANSWER_SECONDS, dump, end

LOOK_SECONDS = 15.0
"""Longest time between two looks; a short limit on silence has them more often."""

START_SECONDS = 60.0
"""How long a node may take to start a process for a task."""

HEAD_SECONDS = 5.0
"""How long the head may take to accept a connection."""

_WENT_AS_ASKED = (1, 4)
"""Ray's reasons of a node's end that are no loss: it was told to end, or was idle (``NodeDeathInfo.Reason``)."""


class WorkerSilent(RuntimeError):
    """A worker that has work did no step of it for ``cluster.silent_minutes``."""

    exit_status = TRY_AGAIN

    def __init__(self, message: str, silent: Sequence[Identity] = ()) -> None:
        super().__init__(message)
        self.silent = silent


class HeadSilent(RuntimeError):
    """The head of the cluster does not answer. Ray ends the driver's process a minute later, without another word."""


@dataclass
class Watchdog:
    """What a driver knows of the workers of one step.

    Attributes:
        output: The artifact that they make.
        title: What the step is called.
        silent_minutes: ``cluster.silent_minutes``; 0 for no limit.
        nodes: Gives Ray's table of nodes.
        stacks: Has a worker's stacks written, and gives them; None where it is gone.
        clock: The time, in seconds.
        head: Says why the head of the cluster does not answer; None where it does.
    """

    output: Artifact
    title: str
    silent_minutes: float
    nodes: Callable[[], Sequence[dict[str, Any]]] = field(default_factory=lambda: _nodes)
    stacks: Callable[[Identity], str | None] = field(default_factory=lambda: _stacks)
    clock: Callable[[], float] = time.monotonic
    head: Callable[[], str | None] = field(default_factory=lambda: _head)

    def __post_init__(self) -> None:
        self._looked = self.clock()
        self._workers = workers.Reader(self.output.path)
        self._told = workers.incidents(self._workers.read())
        self._heard: dict[str, tuple[int, float]] = {}
        self._alive = {node["NodeID"] for node in self.nodes() if node["Alive"]}
        self._journal: Journal | None = None
        self._headless = False
        self._meter = Meter(tags_of(self.output))
        self._export(self._told)

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return min(LOOK_SECONDS, self.silent_minutes * 60 / 4 or LOOK_SECONDS)

    def look(self, now: bool = False) -> None:
        """Looks after the workers, if it is time to; tells what has happened since the last look.

        Args:
            now: Whether the work has ended: it is time in any case, and silence means nothing any more.

        Raises:
            WorkerSilent: One was silent for too long. Its stacks are below ``logs/`` then.
        """
        if not now and self.clock() - self._looked < self.interval:
            return
        self._looked = self.clock()
        if self._no_head():
            return
        self._count_nodes()
        records = self._workers.read()
        self._tell(workers.incidents(records))
        if not now and self.silent_minutes and (silent := self._silent(workers.latest(records))):
            self._stop(silent)

    def _no_head(self) -> bool:
        """Whether the head is gone. It is recorded as the failure now, since nobody can when Ray ends this process."""
        problem = self.head()
        if problem and not self._headless:
            failure.record(self.output.path, self.output.step or self.title, HeadSilent(problem))
            console.print(f"warning: {self.title}: {problem}", style="bold yellow", markup=False)
        elif self._headless and not problem:
            failure.forget(self.output.path)
        self._headless = bool(problem)
        return self._headless

    def _count_nodes(self) -> None:
        nodes = self.nodes()
        lost = {n["NodeID"] for n in nodes if not n["Alive"] and n.get("DeathReason") not in _WENT_AS_ASKED}
        if gone := lost & self._alive:
            if self._journal is None:
                me = Identity("driver", "driver", self.output.epoch, socket.gethostname(), os.getpid())
                self._journal = Journal(self.output.path, me)
            self._journal.lose(gone)
        self._alive = {n["NodeID"] for n in nodes if n["Alive"]}

    def _tell(self, counts: dict[str, int]) -> None:
        """Prints a line where there is more of something than at the last look."""
        if new := {name: n - self._told.get(name, 0) for name, n in counts.items() if n > self._told.get(name, 0)}:
            total = f" ({workers.spoken(counts)} in all)" if counts != new else ""
            console.print(f"warning: {self.title}: {workers.spoken(new)}{total}", style="bold yellow", markup=False)
            self._export(counts)
        self._told = counts

    def _export(self, counts: dict[str, int]) -> None:
        for name, count in counts.items():
            self._meter.set(INCIDENTS, count, incident=name)

    def _silent(self, records: Sequence[Record]) -> list[Record]:
        """Who has work and was not heard for too long, by this driver's clock."""
        now = self.clock()
        before, self._heard = self._heard, {}
        for record in records:
            if record.busy:
                earlier = before.get(record.name)
                self._heard[record.name] = earlier if earlier and earlier[0] == record.heard else (record.heard, now)
        limit = 60 * self.silent_minutes
        return [r for r in records if r.busy and now - self._heard[r.name][1] > limit]

    def _stop(self, silent: Sequence[Record]) -> None:
        """Keeps the stacks of the silent and raises; one that is gone is not silent but dead, which Ray sees to."""
        files, alive = [], []
        for record in silent:
            if (text := self.stacks(record.who)) is None:
                continue
            file = self.output.path / LOGS / f"stacks-{record.name}.txt"
            at = f"shard {record.shards[-1]}" if record.shards else "its work"
            who = f"process {record.who.process} on {record.who.host}, silent at {at}"
            with replacing(file) as temporary:
                temporary.write_text(f"{who}\n{text}", encoding="utf-8")
            files.append((who, file))
            alive.append(record.who)
        if files:
            others = f" and {len(files) - 1} more" if len(files) > 1 else ""
            (who, file), *_ = files
            raise WorkerSilent(
                f"{self.title}: {who}{others}: no step for cluster.silent_minutes = {self.silent_minutes:g}; the "
                f"stacks are in {file}. What is finished is kept: run again to go on, or raise cluster.silent_minutes "
                "(0: no limit)",
                alive,
            )


def _nodes() -> Sequence[dict[str, Any]]:
    """Ray's table of nodes; empty where it is not in use."""
    ray = sys.modules.get("ray")
    return ray.nodes() if ray is not None and ray.is_initialized() else []


def _head() -> str | None:
    """Why Ray's head cannot be reached, told by its port; None where it can be, or where Ray is not in use."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return None
    address = ray.get_runtime_context().gcs_address
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), HEAD_SECONDS).close()
    except OSError as error:
        return f"the head of the Ray cluster at {address} does not answer ({error}): it has died, or the network is cut"
    return None


def _stacks(who: Identity) -> str | None:
    """The stacks of a worker, by a task on its node."""
    return _on_its_node(who, dump, who.process, who.began, who.stacks)


def end_all(silent: Sequence[Identity]) -> None:
    """Ends workers where they are."""
    for who in silent:
        _on_its_node(who, end, who.process, who.began)


def _on_its_node(who: Identity, do: Callable[..., str | None], *given: Any) -> str | None:
    """What a function says on the node of a worker; None where the node is gone, and the worker with it."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(who.node, soft=False)
    task = ray.remote(num_cpus=0, max_retries=0)(do).options(scheduling_strategy=there)
    try:
        return ray.get(task.remote(*given), timeout=START_SECONDS + ANSWER_SECONDS)
    except ray.exceptions.GetTimeoutError:
        return "Its node did not answer.\n"
    except ray.exceptions.RayError:
        return None
