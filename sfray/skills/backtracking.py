"""Backtracking: after a failed attempt the model goes back to a step of it that still holds."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sfray.grammar import REFLECTION
from sfray.records import Attempt
from sfray.rejects import RejectReason
from sfray.skills.passages import steps
from sfray.skills.skill import Part, Skill, Subject


class Backtracking(Skill):
    """Ends with the step, word for word, from which the next attempt sets out."""

    tag = "backtrack"
    about = Attempt

    def unusable(self, subject: Subject) -> StrEnum | None:
        """Only incorrect attempts of several steps are gone back from."""
        if subject.attempt is not None and subject.attempt.correct:
            return RejectReason.ATTEMPT_CORRECT
        return super().unusable(subject) or (None if _targets(subject) else RejectReason.TOO_FEW_STEPS)

    def read(self, sample: str, subject: Subject) -> str | RejectReason:
        """The response up to the end of the last step that it names, the attempt's final one aside."""
        ends = [found + len(step) for step in _targets(subject) if (found := sample.rfind(step)) >= 0]
        return sample[: max(ends)] if ends else RejectReason.NAMES_NO_STEP

    def place(self, trace: Sequence[Part], at: int | None) -> int | None:
        """After the reflection on its attempt and the words behind it, if there is another attempt."""
        if at is None:
            return None
        reflected = False
        for index, part in enumerate(trace[at + 1 :], at + 1):
            if not isinstance(part, str) and part.skill != REFLECTION:
                return index if reflected else None
            reflected |= not isinstance(part, str)
        return None


def _targets(subject: Subject) -> list[str]:
    return [] if subject.attempt is None else steps(subject.attempt.text)[:-1]
