"""What the embedded base has to be able to do before it is shipped: a figure and a range for each ability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

KEPT_AFTER_PAIRS = 0.9
"""Least accuracy after unrelated pairs, as a share of the accuracy without any context."""

KEPT_AFTER_FAILURES = 0.8
"""Least accuracy after failed attempts, as a share of the accuracy without any context."""

NUMBERS_KEPT = 0.95
"""Least share of attempts that use all numbers after failed attempts, relative to the share without any context.

That is as often, except for the error of sampling.
"""

ACCURACY = {"3": (0.20, 0.50), "4": (0.08, 0.15), "5": (0.02, 0.06)}
"""Range of the accuracy of one attempt, by how many numbers a puzzle has: room to win, and something to win it with."""

PRECISION = {"4": 0.9, "5": 0.7}
"""Least share of the verdicts "Correct" that are right, on the model's own attempts."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One figure and the range it has to lie in."""

    name: str
    figure: float
    least: float
    most: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the figure lies in the range."""
        return self.figure >= self.least and (self.most is None or self.figure <= self.most)


def gates(surroundings: Mapping[str, Any], alone: Mapping[str, Any]) -> list[Gate]:
    """All gates.

    Args:
        surroundings: Surrounding -> its figures, as measured by :mod:`sfray.tiny.measure`.
        alone: The figures of attempts and reflections without surroundings, at the same temperature.
    """
    found = [
        Gate(f"accuracy after {name} / alone", kept(surroundings, name, "correct"), KEPT_AFTER_PAIRS)
        for name in ("2 pairs", "6 pairs")
    ]
    failed = "3 failures"
    found.append(
        Gate(f"accuracy after {failed} / alone", kept(surroundings, failed, "correct"), KEPT_AFTER_FAILURES),
    )
    found.append(
        Gate(f"all numbers used after {failed} / alone", kept(surroundings, failed, "all_numbers"), NUMBERS_KEPT)
    )
    found += [Gate(f"accuracy, {size} numbers", alone["accuracy"][size], *range_) for size, range_ in ACCURACY.items()]
    found += [
        Gate(f'precision of "Correct", {size} numbers', alone["precision"][size], least)
        for size, least in PRECISION.items()
    ]
    return found


def kept(surroundings: Mapping[str, Any], name: str, figure: str) -> float:
    """A figure in a surrounding over that alone, over the puzzles of all sizes."""
    sums = {
        place: sum(row["attempts"] * row[figure] for row in surroundings[place]["by_size"].values())
        for place in (name, "alone")
    }
    return round(sums[name] / sums["alone"], 4) if sums["alone"] else 0.0


def table(found: list[Gate]) -> Table:
    """The gates as a table to print."""
    shown = Table("gate", "figure", "range", "result")
    for gate in found:
        bounds = f"≥ {gate.least}" if gate.most is None else f"{gate.least} to {gate.most}"
        shown.add_row(gate.name, f"{gate.figure:.3f}", bounds, "pass" if gate.passed else "FAIL")
    return shown
