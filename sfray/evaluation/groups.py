"""Groups of questions that are reported together: a task at a level."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sfray.tasks.task import group

__all__ = ["group", "ordered"]


def ordered(names: Iterable[str]) -> list[str]:
    """Groups in reading order, numbers by value: ``countdown-4`` before ``countdown-10``."""
    return sorted(names, key=lambda name: [(not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in _parts(name)])


def _parts(name: str) -> list[str]:
    return [p for p in re.split(r"(\d+)", name) if p]
