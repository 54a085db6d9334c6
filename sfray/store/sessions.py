"""When drivers worked on a stage: its wall time survives interruptions.

The plan of a stage lists a session for each time a driver opened it. A session that was
interrupted ended, as far as its files tell, when the newest of them was written.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TypedDict

from sfray.io.files import read_json
from sfray.store import epochs


class Session(TypedDict):
    """One driver's work on a stage, in seconds since the epoch."""

    began: float
    ended: float


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


def _read(plan: Path) -> list[Session]:
    return read_json(plan).get("sessions", []) if plan.exists() else []
