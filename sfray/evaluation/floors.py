"""The floors of ``config.quality``: a run that would train on too little stops before training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfray.config import QualityConfig


class QualityFloor(RuntimeError):
    """Attempts or reflections are too poor to train on; says which figure and what to change."""

    def __init__(self, failed: list[Check], path: Path) -> None:
        lines = "\n".join(f"  {check}" for check in failed)
        super().__init__(f"below the floor before any training (figures in {path}):\n{lines}")
        self.failed = failed


@dataclass(frozen=True)
class Check:
    """One floor held against its figure.

    Attributes:
        key: The config key of the floor.
        name: What is measured.
        floor: Least value; 0 switches the check off.
        figure: The measured value; None where it is not defined.
        advice: What to change.
    """

    key: str
    name: str
    floor: float
    figure: float | None
    advice: str

    @property
    def ok(self) -> bool:
        """Whether the floor is off or reached. A figure that is not defined reaches none."""
        return self.floor <= 0 or (self.figure is not None and self.figure >= self.floor)

    def __str__(self) -> str:
        """The failure in one line."""
        figure = "not defined" if self.figure is None else f"{self.figure:.4g}"
        return f"{self.key}: {self.name} is {figure}, the floor is {self.floor:g}. {self.advice}"

    def to_json(self) -> dict[str, Any]:
        """As in ``quality.json``."""
        return {"key": self.key, "floor": self.floor, "figure": self.figure, "ok": self.ok}


Overall = Mapping[str, Any]

_CHECKS: tuple[tuple[str, str, Callable[[Overall], float | None], str], ...] = (
    (
        "min_accuracy",
        "accuracy of attempts",
        lambda o: _mean(o["accuracy"]),
        "Raise sample.n (and sample.temperature when attempts are all alike), choose easier task.sft.levels or a "
        "stronger model.path, or reword the solve section of prompts",
    ),
    (
        "min_valid_rate",
        "share of reflections whose verdict agrees with the verifier",
        lambda o: _mean(o["valid_reflections"]),
        "Reword the reflect section of prompts so that it ends in a verdict, raise reflect.max_tokens when they are "
        "cut, or choose a stronger model.path",
    ),
    (
        "min_f1_correct",
        "verdict F1 of the correct class",
        lambda o: _mean(o["verdicts"]["correct"]["f1"]),
        "Right attempts are called wrong or the other way round: reword the reflect section of prompts, lower "
        "reflect.temperature, or choose a stronger model.path",
    ),
    (
        "min_f1_incorrect",
        "verdict F1 of the incorrect class",
        lambda o: _mean(o["verdicts"]["incorrect"]["f1"]),
        "Wrong attempts go unnoticed: reword the reflect section of prompts, lower reflect.temperature, or choose a "
        "stronger model.path",
    ),
    (
        "min_traceable_questions",
        "questions that can yield a trace",
        lambda o: o["yield"]["traceable_questions"],
        "Raise sample.n, reflect.n or task.sft.count, choose easier task.sft.levels or a stronger model.path, or "
        "see the rejects of attempts and reflections",
    ),
)


def check(overall: Overall, floors: QualityConfig) -> list[Check]:
    """Holds the figures of the whole run against all floors."""
    return [
        Check(f"quality.{key}", name, getattr(floors, key), figure(overall), advice)
        for key, name, figure, advice in _CHECKS
    ]


def _mean(estimate: Mapping[str, float] | None) -> float | None:
    return None if estimate is None else estimate["mean"]
