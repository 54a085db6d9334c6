"""Groups of questions that are reported together: a task at a level."""

from __future__ import annotations

import re
from collections.abc import Iterable


def group(task: str, level: str) -> str:
    """Name of a group: ``countdown-3``, or the task alone where it has no levels."""
    return task if level == "-" else f"{task}-{level}"


def ordered(names: Iterable[str]) -> list[str]:
    """Groups in reading order, numbers by value: ``countdown-4`` before ``countdown-10``."""
    return sorted(names, key=lambda name: [(not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in _parts(name)])


def _parts(name: str) -> list[str]:
    return [p for p in re.split(r"(\d+)", name) if p]
