"""The one form of a benchmark's result: what was measured, of which commit, on which hardware."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

KEYS = ("benchmark", "commit", "date", "hardware", "settings", "figures")
"""Of a result, in order."""

LOWER_IS_BETTER = ("seconds", "ms", "mib", "overhead_per_step", "padded")
"""Ends of the names of figures that a slower program has more of; of any other it has less."""


def result(benchmark: str, figures: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A benchmark's result.

    Args:
        benchmark: Its name.
        figures: What it measured; nested mappings are flattened: ``{"a": {"mean": 1}}`` becomes ``a.mean``.
        settings: What it was asked to do: results of other settings cannot be compared.

    Raises:
        ValueError: There is no number in ``figures``.
    """
    flat = {key: value for key, value in _flat(figures) if not isinstance(value, bool) and math.isfinite(value)}
    if not flat:
        raise ValueError(f"benchmark {benchmark!r} measured nothing")
    return {
        "benchmark": benchmark,
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
        "hardware": hardware(),
        "settings": dict(settings or {}),
        "figures": flat,
    }


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{before}{key}.")
        elif isinstance(value, int | float):
            found.append((f"{before}{key}", value))
    return found


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
