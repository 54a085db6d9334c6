"""The workers of a step, on disk: who they were, what each of them began, and what went wrong on the way.

    runs/artifacts/sample/<fingerprint>/workers/000001-4f1c…-node1-4711.jsonl  one incarnation of a worker
                                                000001-driver-node1-99.jsonl   what its driver saw: nodes that were lost

The first line says who it is. An actor that Ray starts again is another process of the same actor, and writes another
file: files beyond the first are restarts. The later lines are what it did: a shard it began, that it is up (it has
finished its first step), that it is idle. A shard that two of them began was made twice. The time of the file is the
worker's heartbeat. A worker is the only writer of its file. Nothing of this is part of what a step makes: it enters
no fingerprint.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from sfray.io.files import append

FOLDER = "workers"

BEAT_SECONDS = 1.0
"""Shortest time between two heartbeats on disk."""


@dataclass(frozen=True)
class Identity:
    """Who a worker is.

    Attributes:
        kind: ``actor``, ``group`` (of training workers, told by its first), ``rank``, ``process`` or ``driver``.
        slot: What of it a restart keeps: the id of an actor, say.
        epoch: Of the driver that it works for.
        host: Where it runs.
        process: Its process id there.
        node: Ray's id of the node; empty where Ray was not used.
        stacks: Descriptor, in that process, of the file that its stacks go to at SIGUSR1; negative for none.
        began: When, in seconds since the epoch.
    """

    kind: str
    slot: str
    epoch: int
    host: str
    process: int
    node: str = ""
    stacks: int = -1
    began: float = field(default_factory=time.time)


class Journal:
    """What one worker says of itself. It is the only writer of its file. Its threads may share it."""

    def __init__(self, folder: Path, me: Identity) -> None:
        """Says who it is.

        Args:
            folder: The artifact's.
            me: The worker.
        """
        name = f"{me.epoch:06d}-{me.slot}-{me.host}-{me.process}"
        taken = len(list((folder / FOLDER).glob(f"{name}*.jsonl")))  # a process may be of use more than once
        self.path = folder / FOLDER / f"{name}{f'-{taken + 1}' if taken else ''}.jsonl"
        self._beaten = 0.0
        self._up = False
        self._open = 0
        self._lock = Lock()
        self._say(asdict(me))

    @property
    def at_work(self) -> bool:
        """Whether something is begun that is not done."""
        return self._open > 0

    def begin(self, shard: int) -> None:
        """A shard is begun; others may be under way."""
        with self._lock:
            self._open += 1
            self._say({"shard": shard})

    def beat(self) -> bool:
        """A step of work is done. The first one says that the worker is up; call it as often as you like.

        Returns:
            Whether this one went to disk: at most one in ``BEAT_SECONDS`` does.
        """
        now = time.monotonic()
        if self._up and now - self._beaten < BEAT_SECONDS:
            return False
        self._beaten = now
        if self._up:
            with contextlib.suppress(OSError):  # no work is lost with a heartbeat
                os.utime(self.path)
        else:
            self._up = True
            self._say({"up": True})
        return True

    def end(self) -> None:
        """A shard is done, or all work that has none. With nothing left to do, silence means nothing."""
        with self._lock:
            self._open = max(0, self._open - 1)
            if not self._open:
                self._say({"idle": True})

    def lose(self, nodes: Iterable[str]) -> None:
        """Nodes were lost."""
        self._say({"lost": sorted(nodes)})

    def _say(self, line: Mapping[str, Any]) -> None:
        append(self.path, json.dumps(line).encode() + b"\n")


@dataclass(frozen=True)
class Record:
    """What is known of one incarnation of a worker.

    Attributes:
        name: Of its file, without the suffix.
        who: The worker.
        shards: What it began, in order.
        busy: Whether it has come up and has work.
        lost: Nodes that it saw go.
        heard: Time of its file in nanoseconds, to be compared with itself alone: another node's clock made it.
    """

    name: str
    who: Identity
    shards: tuple[int, ...]
    busy: bool
    lost: tuple[str, ...]
    heard: int


class Reader:
    """Reads the workers of an artifact again and again: of each file only what was added since the last time."""

    def __init__(self, folder: Path) -> None:
        """Takes the artifact's folder."""
        self._folder = folder
        self._said: dict[Path, _Said] = {}

    def read(self) -> list[Record]:
        """All workers, the earliest first; without those that died before they had said who they are."""
        there = {path: self._said.get(path) or _Said() for path in (self._folder / FOLDER).glob("*.jsonl")}
        self._said = there
        found = [record for path, said in there.items() if (record := said.read(path)) is not None]
        return sorted(found, key=lambda r: (r.who.epoch, r.who.began, r.name))


def read(folder: Path) -> list[Record]:
    """All workers of an artifact, as :meth:`Reader.read` gives them.

    Args:
        folder: The artifact's.
    """
    return Reader(folder).read()


@dataclass
class _Said:
    """What a worker has said so far.

    Attributes:
        size: Bytes of its file that are read.
    """

    size: int = 0
    who: Identity | None = None
    shards: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    up: bool = False
    idle: bool = False

    def read(self, path: Path) -> Record | None:
        """Takes in what is new in the file; what is known of the worker then, None where it has not said who it is."""
        status = path.stat()
        if status.st_size < self.size:  # a line that did not reach the disk was taken back
            self.__dict__ |= vars(_Said())
        with path.open("rb") as file:
            file.seek(self.size)
            whole, newline, _ = file.read().rpartition(b"\n")
        self.size += len(whole + newline)
        for line in whole.splitlines():
            self._take(json.loads(line))
        if self.who is None:
            return None
        return Record(
            name=path.stem,
            who=self.who,
            shards=tuple(self.shards),
            busy=self.up and not self.idle,
            lost=tuple(self.lost),
            heard=status.st_mtime_ns,
        )

    def _take(self, line: Mapping[str, Any]) -> None:
        if self.who is None:
            self.who = Identity(**line)
            return
        self.up = self.up or "up" in line
        self.lost += line.get("lost", ())
        if "shard" in line or "idle" in line:
            self.idle = "idle" in line
        if "shard" in line:
            self.shards.append(line["shard"])


def latest(records: Iterable[Record]) -> list[Record]:
    """The last incarnation of each worker of the last driver."""
    known = list(records)
    epoch = max((r.who.epoch for r in known), default=0)
    return list({(r.who.kind, r.who.slot): r for r in known if r.who.epoch == epoch}.values())


_RESTARTS = {"actor": "actors_restarted", "group": "groups_restarted", "process": "processes_restarted"}
"""Kind of worker -> what its restarts are counted as."""

WORDS = {
    "actors_restarted": ("actor restarted", "actors restarted"),
    "groups_restarted": ("restart of the training workers", "restarts of the training workers"),
    "processes_restarted": ("restart of verl", "restarts of verl"),
    "shards_made_twice": ("shard made twice", "shards made twice"),
    "nodes_lost": ("node lost", "nodes lost"),
}
"""What can go wrong without a step failing -> one of it, and more, in words."""


def incidents(records: Iterable[Record]) -> dict[str, int]:
    """How often what went wrong, over all drivers; what did not is absent.

    ``shards_made_twice`` counts shards that were begun more than once, by whomever: what a worker or driver that died
    was at.
    """
    counts: Counter[str] = Counter()
    known = list(records)
    workers = [(r.who.kind, r.who.epoch, r.who.slot) for r in known if r.who.kind in _RESTARTS]
    for (kind, *_), times in Counter(workers).items():
        counts[_RESTARTS[kind]] += times - 1
    begun = Counter(shard for r in known for shard in r.shards)
    counts["shards_made_twice"] = sum(times > 1 for times in begun.values())
    counts["nodes_lost"] = len({node for r in known for node in r.lost})
    return {name: counts[name] for name in WORDS if counts[name]}


def spoken(counts: Mapping[str, int]) -> str:
    """Incidents in words: ``2 actors restarted, 3 shards made twice``; empty where there were none.

    Args:
        counts: As :func:`incidents` gives them.
    """
    return ", ".join(f"{n:,} {WORDS[name][n != 1]}" for name, n in counts.items() if n)
