"""Compares a benchmark's new result with a baseline; ends with status 1 where it is slower.

    python -m benchmarks verifier > new.json
    python -m benchmarks.compare new.json benchmarks/baselines/verifier.json --tolerance 0.1

Ratios and seconds are compared, spreads and counts are not: the figures that a baseline names under ``compare``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.result import KEYS, LOWER_IS_BETTER


class Mismatch(ValueError):
    """Two results cannot be compared."""


@dataclass(frozen=True)
class Line:
    """One figure of both results.

    Attributes:
        name: Its name.
        new: The new figure.
        old: The baseline's.
        worse: By how much of the baseline's it is worse; negative where it is better.
    """

    name: str
    new: float
    old: float
    worse: float


def lines(new: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[Line]:
    """The figures of two results, beside each other.

    Args:
        new: A result, as :func:`benchmarks.result.result` makes it.
        baseline: Another; its ``compare`` lists the figures to compare, without it all.

    Raises:
        Mismatch: They are of different benchmarks or settings, or a figure is missing in one of them.
    """
    if faults := list(_faults(new, baseline)):
        raise Mismatch("\n".join(faults))
    names = baseline.get("compare") or list(baseline["figures"])
    return [_line(name, new["figures"][name], baseline["figures"][name]) for name in names]


def _faults(new: Mapping[str, Any], baseline: Mapping[str, Any]) -> Iterator[str]:
    for title, found in (("new", new), ("baseline", baseline)):
        if missing := [key for key in KEYS if key not in found]:
            yield f"{title}: no result of a benchmark: {', '.join(missing)} missing"
            return
        if not found["figures"]:
            yield f"{title}: holds no figure"
    for key in ("benchmark", "settings"):
        if new[key] != baseline[key]:
            yield f"{key}: {new[key]!r} in the new result, {baseline[key]!r} in the baseline"
    wanted = set(baseline.get("compare") or {*baseline["figures"], *new["figures"]})
    for title, found in (("new", new), ("baseline", baseline)):
        if missing := sorted(wanted - found["figures"].keys()):
            yield f"{title}: lacks {', '.join(missing)}"


def _line(name: str, new: float, old: float) -> Line:
    if old <= 0:
        raise Mismatch(f"{name}: {old} in the baseline is nothing to compare with; leave it out of its `compare`")
    change = new / old - 1
    return Line(name, new, old, change if name.endswith(LOWER_IS_BETTER) else -change)


def read(file: Path) -> dict[str, Any]:
    """A result's file.

    Raises:
        Mismatch: It is none.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Mismatch(f"{file}: {error}") from error
    if not isinstance(found, dict):
        raise Mismatch(f"{file}: holds {type(found).__name__}, not one result")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures; 1 where one is worse by more than the tolerance, 2 where they cannot be compared."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("new", type=Path)
    parser.add_argument("baseline", type=Path)
    parser.add_argument("--tolerance", type=float, default=0.1, help="share of the baseline's figure")
    chosen = parser.parse_args(arguments)
    try:
        new, baseline = read(chosen.new), read(chosen.baseline)
        found = lines(new, baseline)
    except Mismatch as error:
        print(error, file=sys.stderr)
        return 2
    if new["hardware"] != baseline["hardware"]:
        print(f"note: other hardware: {new['hardware']} against {baseline['hardware']}", file=sys.stderr)
    for line in found:
        verdict = "SLOWER" if line.worse > chosen.tolerance else "ok"
        print(f"{line.name:44} {line.new:12.4g} {line.old:12.4g} {-line.worse:+8.1%}  {verdict}")
    return int(any(line.worse > chosen.tolerance for line in found))


if __name__ == "__main__":
    sys.exit(main())
