"""Decomposition: the model says what a question is made of before the first attempt."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sfray.rejects import RejectReason
from sfray.skills.passages import before_results, numbers
from sfray.skills.skill import Part, Skill, Subject


class Decomposition(Skill):
    """Names what is given, what is asked for and the smaller questions on the way."""

    tag = "decompose"

    def read(self, sample: str, subject: Subject) -> str | RejectReason:
        """What comes before the work, where the model goes on and works."""
        return before_results(sample)

    def flaw(self, segment: str, subject: Subject) -> StrEnum | None:
        """A decomposition gives no answer, does more than repeat the question and works with its numbers alone."""
        question = subject.question.text
        if flaw := super().flaw(segment, subject):
            return flaw
        if " ".join(segment.split()) in " ".join(question.split()):
            return RejectReason.REPEATS_QUESTION
        return RejectReason.FOREIGN_NUMBER if numbers(segment) - numbers(question) else None

    def place(self, trace: Sequence[Part], at: int | None) -> int | None:
        """At the beginning, before the first attempt and its plan."""
        return 0
