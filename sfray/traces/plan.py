"""A trace before it has words: which pairs, in which order, and how it closes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sfray.records import Attempt, Reflection


class Closing(StrEnum):
    """What follows the last pair inside the thinking."""

    NONE = "none"
    BACKTRACK = "backtrack"
    """Back to the text of the last correct attempt, after a wrong last one."""
    CONFIRM = "confirm"
    """The last two attempts agree."""


@dataclass(frozen=True, slots=True)
class Step:
    """An attempt and the reflection that follows it; without one where the recipe leaves them out."""

    attempt: Attempt
    reflection: Reflection | None

    @property
    def correct(self) -> bool:
        """What the verifier said of the attempt."""
        return self.attempt.correct


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one trace in order; at least one."""

    steps: tuple[Step, ...]
    closing: Closing = Closing.NONE
    recipe: str = ""
    """The recipe that made it, where a set holds the traces of several."""

    @property
    def shape(self) -> str:
        """One letter a step, ``C`` for correct and ``I`` for incorrect: ``"ICC"``."""
        return "".join("C" if step.correct else "I" for step in self.steps)

    @property
    def final(self) -> int:
        """Index of the step whose answer the trace gives."""
        if self.closing is Closing.BACKTRACK:
            return max(i for i, step in enumerate(self.steps) if step.correct)
        return len(self.steps) - 1

    @property
    def correct(self) -> bool:
        """Whether the answer that the trace gives is right."""
        return self.steps[self.final].correct

    def without_reflections(self) -> Plan:
        """The plan with its attempts alone."""
        return replace(self, steps=tuple(Step(step.attempt, None) for step in self.steps))
