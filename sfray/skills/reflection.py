"""Reflection: the model checks an attempt and ends with a verdict (paper section 3)."""

from __future__ import annotations

from collections.abc import Sequence

from sfray.grammar import TAGS, Verdict, VerdictError, parse_verdict
from sfray.prompts import Message, Prompts
from sfray.records import Attempt
from sfray.rejects import RejectReason
from sfray.skills.skill import Part, Skill, Subject


class Reflection(Skill):
    """Verify and retry: follows the attempt that it checks."""

    tag = TAGS["reflection"]
    about = Attempt

    def prompt(self, subject: Subject, prompts: Prompts, variant: str) -> list[Message]:
        """Shows the question as it was asked without a hint, and the attempt."""
        text = "" if subject.attempt is None else subject.attempt.text.strip()
        return prompts.reflection(variant, subject.question.text, text)

    def flaw(self, segment: str, subject: Subject) -> RejectReason | None:
        """A reflection may be shown when its verdict agrees with the verifier."""
        verdict = parse_verdict(segment)
        if isinstance(verdict, VerdictError):
            return RejectReason(verdict)
        correct = subject.attempt is not None and subject.attempt.correct
        return None if (verdict is Verdict.CORRECT) == correct else RejectReason.INVALID_REFLECTION

    def place(self, trace: Sequence[Part], at: int | None) -> int | None:
        """Right after its attempt."""
        return None if at is None else at + 1
