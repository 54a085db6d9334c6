"""Where the wall time of a run went: what was work, and what had to start before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sfray.io.files import read_json
from sfray.store.account import Account
from sfray.store.folder import RunFolder
from sfray.store.manifest import Manifest

WORK = "work"
DRIVER = "driver"
UNKNOWN = "unsplit"
KINDS = ("driver", "ray", "workers", "imports", "engine", WORK, "export", UNKNOWN)
"""What time goes into. ``driver`` is the driver's own start; ``unsplit`` a step that did not record its parts."""

_STARTING = ("sample", "reflect", "segments", "evaluate", "sft", "grpo")
"""Kinds of work whose start takes long: without timings it cannot be told from the work."""

_PAUSE_SECONDS = 5.0
"""Longest time between two parts that still counts as the run's."""


@dataclass(frozen=True)
class Part:
    """A piece of a run's time.

    Attributes:
        step: Of which step; ``driver`` for what lies before the first one.
        kind: One of :data:`KINDS`.
        began: Seconds since the run began.
        seconds: How long it took.
    """

    step: str
    kind: str
    began: float
    seconds: float


@dataclass(frozen=True)
class Profile:
    """The parts of a run's time, in the order in which they began.

    Attributes:
        parts: The parts. A step that another run of a sweep made is left out.
    """

    parts: tuple[Part, ...]

    @property
    def seconds(self) -> float:
        """All of it; waiting between drivers is not in it."""
        return sum(part.seconds for part in self.parts)

    def of(self, kind: str) -> float:
        """Seconds of one kind."""
        return sum(part.seconds for part in self.parts if part.kind == kind)

    @property
    def work(self) -> float | None:
        """Share that was work; None where a step did not record its parts."""
        return None if self.of(UNKNOWN) or not self.parts else self.of(WORK) / self.seconds


def profile(run: Path) -> Profile | None:
    """The profile of a run's finished steps; None where none of them says when it was made.

    Args:
        run: The run's folder.
    """
    finished = RunFolder(run).finished()
    account = Account.read(run)
    found: list[Part] = []
    for name, (folder, manifest) in finished.items():
        found += _step(name, folder, manifest)
    if not found:
        return None
    # The drivers that made a step: the last one that began before it. Others reused what was there.
    starts = [d.began for d in account.drivers]
    made = {max((s for s in starts if s <= part.began), default=None) for part in found}
    at_it = [d for d in account.drivers if d.began in made]
    found += [Part(DRIVER, DRIVER, d.process, d.began - d.process) for d in at_it]
    found.sort(key=lambda part: part.began)
    return Profile(tuple(_without_pauses(found)))


def _without_pauses(parts: list[Part]) -> Iterator[Part]:
    """The same parts from 0 on: time in which nothing of the run was at work is cut out."""
    zero = end = parts[0].began
    for part in parts:
        if part.began - end > _PAUSE_SECONDS:
            zero += part.began - end
        end = max(end, part.began + part.seconds)
        yield Part(part.step, part.kind, part.began - zero, part.seconds)


def _step(name: str, folder: Path, manifest: Manifest) -> list[Part]:
    """The parts of a step: of each session its spans, and what is left as work."""
    plan = folder / "plan.json"
    sessions = read_json(plan).get("sessions", []) if plan.exists() else []
    if not sessions:  # an import
        return []
    earlier = sum(s["ended"] - s["began"] for s in sessions[:-1])
    sessions[-1]["ended"] = sessions[-1]["began"] + max(0.0, manifest.seconds - earlier)
    parts = []
    rest = UNKNOWN if not manifest.timings and manifest.stage in _STARTING else WORK
    if rest == UNKNOWN and len(sessions) == 1 and (worked := _steps_seconds(folder)):
        (only,), rest = sessions, WORK
        only["spans"] = [{"name": "workers", "began": only["began"], "ended": only["ended"] - worked}]
    for session in sessions:
        at, left = session["began"], session["ended"] - session["began"]
        spans = [span for span in session.get("spans", []) if span["name"] != "export"]
        exports = [span for span in session.get("spans", []) if span["name"] == "export"]
        for span in spans:
            seconds = min(left, span["ended"] - span["began"])
            parts.append(Part(name, span["name"], at, seconds))
            at, left = at + seconds, left - seconds
        exported = min(left, sum(span["ended"] - span["began"] for span in exports))
        parts.append(Part(name, rest, at, left - exported))
        if exported:
            parts.append(Part(name, "export", at + left - exported, exported))
    return parts


def _steps_seconds(folder: Path) -> float:
    """Seconds of the optimizer's steps and validations, which training records as it goes; 0 for other work."""
    file = folder / "metrics.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    return float(sum(line.get("seconds", 0.0) + line.get("seconds_validation", 0.0) for line in lines))
