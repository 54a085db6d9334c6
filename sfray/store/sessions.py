"""When drivers worked on a stage: its wall time survives interruptions.

The plan of a stage lists a session for each time a driver opened it. A session that was
interrupted ended, as far as its files tell, when the newest of them was written. What of a session
was not work (the start of Ray, of an engine) is listed in it as spans.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NotRequired, TypedDict

from sfray.io.files import read_json, write_json
from sfray.store import epochs


class Span(TypedDict):
    """A part of a session, in seconds since the epoch."""

    name: str
    began: float
    ended: float


class Session(TypedDict):
    """One driver's work on a stage, in seconds since the epoch.

    ``running`` and ``slots`` are what its engines worked on, and could have worked on, in responses x seconds.
    """

    began: float
    ended: float
    spans: NotRequired[list[Span]]
    running: NotRequired[float]
    slots: NotRequired[float]


def begin() -> Session:
    """A session that begins now."""
    now = time.time()
    return Session(began=now, ended=now)


def recorded(plan: Path) -> list[Session]:
    """The sessions so far, the last of which was interrupted.

    Args:
        plan: The stage's ``plan.json``, which need not exist.
    """
    found = _read(plan)
    if found:
        files = (p for p in plan.parent.rglob("*") if p.is_file() and p.parent.name != epochs.FOLDER)
        newest = max((p.stat().st_mtime for p in files), default=0.0)
        found[-1]["ended"] = max(found[-1]["began"], newest)
    return found


def ended(plan: Path) -> list[Session]:
    """All sessions, the last of which ends now; none for a stage that was never opened."""
    found = _read(plan)
    if found:
        found[-1]["ended"] = max(found[-1]["began"], time.time())
    return found


def note(plan: Path, spans: Iterable[Span]) -> None:
    """Adds spans to the session that is under way."""
    found = _read(plan)
    if found:
        found[-1]["spans"] = [*found[-1].get("spans", []), *spans]
        write_json(plan, read_json(plan) | {"sessions": found})


def begin_later(plan: Path, when: float) -> None:
    """Has the session that is under way begin at a later time: until then its driver was at something else.

    Args:
        plan: The stage's ``plan.json``.
        when: In seconds since the epoch; what is noted of the session before is cut off.
    """
    found = _read(plan)
    if found:
        now = found[-1]
        now["began"] = max(now["began"], when)
        now["ended"] = max(now["ended"], now["began"])
        for span in now.get("spans", []):
            span["began"], span["ended"] = max(span["began"], when), max(span["ended"], when)
        write_json(plan, read_json(plan) | {"sessions": found})


def note_use(plan: Path, running: float, slots: float) -> None:
    """Adds what engines worked on, and could have worked on, to the session that is under way."""
    found = _read(plan)
    if found:
        found[-1]["running"] = found[-1].get("running", 0.0) + running
        found[-1]["slots"] = found[-1].get("slots", 0.0) + slots
        write_json(plan, read_json(plan) | {"sessions": found})


def engine_use(worked: Iterable[Session]) -> float | None:
    """Share of the engines' slots that were in use over all sessions; None where no engine was."""
    known = list(worked)
    slots = sum(session.get("slots", 0.0) for session in known)
    return round(sum(session.get("running", 0.0) for session in known) / slots, 4) if slots else None


def timings(worked: Iterable[Session]) -> dict[str, float]:
    """Name of each span -> its seconds over all sessions."""
    total: dict[str, float] = {}
    for session in worked:
        for span in session.get("spans", []):
            total[span["name"]] = round(total.get(span["name"], 0.0) + span["ended"] - span["began"], 3)
    return total


def _read(plan: Path) -> list[Session]:
    return read_json(plan).get("sessions", []) if plan.exists() else []
