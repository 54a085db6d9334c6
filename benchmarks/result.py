"""The one form of a benchmark's result: what was measured, of which commit, on which hardware."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

KEYS = ("benchmark", "commit", "date", "hardware", "settings", "figures")
"""Of a result, in order."""

SETTINGS = (
    "cores",
    "repeats",
    "shards",
    "steps",
    "questions",
    "models",
    "pairs",
    "builders",
    "rollouts_per_step",
    "hostile_texts",
    "legal_texts",
    "studies",
)
"""Names of what a benchmark was asked to do, among what it returns."""

LOWER_IS_BETTER = ("seconds", "ms", "mib", "overhead", "padded")
"""Ends of the names of figures that a slower program has more of; of any other it has less."""


def result(benchmark: str, figures: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A benchmark's result.

    Args:
        benchmark: Its name.
        figures: What it measured. Nested values are flattened (``{"a": {"mean": 1}}`` becomes ``a.mean``), words
            left out; at the top, the names of :data:`SETTINGS` become settings.
        settings: What else it was asked to do: results of other settings cannot be compared.

    Raises:
        ValueError: There is no number in ``figures``.
    """
    asked = {key: figures[key] for key in SETTINGS if key in figures}
    flat = dict(_flat({key: value for key, value in figures.items() if key not in asked}))
    if not flat:
        raise ValueError(f"benchmark {benchmark!r} measured nothing")
    return {
        "benchmark": benchmark,
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
        "hardware": hardware(),
        "settings": {**asked, **(settings or {})},
        "figures": flat,
    }


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(values, Mapping | list):
        for key, value in values.items() if isinstance(values, Mapping) else enumerate(values):
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(values, int | float) and not isinstance(values, bool) and math.isfinite(values):
        yield name, values


def commit() -> str:
    """The commit that is measured, with ``+`` behind it where files differ from it; empty outside a checkout."""
    here = Path(__file__).parent
    asked = [["git", "rev-parse", "--short=12", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"]]
    answers = [subprocess.run(a, cwd=here, capture_output=True, text=True, check=False) for a in asked]
    if any(answer.returncode for answer in answers):
        return ""
    head, changed = (answer.stdout.strip() for answer in answers)
    return head + ("+" if changed else "")


def hardware() -> dict[str, Any]:
    """Processor, cores and memory of this machine."""
    names = [line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
    }


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
