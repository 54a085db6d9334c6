"""Planning: before it works, the model says what it is going to do."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sfray.records import Attempt
from sfray.rejects import RejectReason
from sfray.skills.passages import before_results
from sfray.skills.skill import Part, Skill, Subject, mentions
from sfray.tasks.answer import extract


class Planning(Skill):
    """A plan is asked for in view of the attempt that it will precede, so that the attempt follows it."""

    tag = "plan"
    about = Attempt

    def read(self, sample: str, subject: Subject) -> str | RejectReason:
        """A plan ends where the work begins. A model that goes on and works must come to the attempt's answer."""
        answer = extract(sample)
        if isinstance(answer, str) and not _same(answer, subject):
            return RejectReason.OTHER_SOLUTION
        return before_results(sample)

    def flaw(self, segment: str, subject: Subject) -> StrEnum | None:
        """A plan gives neither the right answer nor the attempt's own."""
        own = None if subject.attempt is None else subject.attempt.answer
        if own is not None and mentions(segment, own) and not mentions(subject.question.text, own):
            return RejectReason.GIVES_ANSWER
        return super().flaw(segment, subject)

    def place(self, trace: Sequence[Part], at: int | None) -> int | None:
        """Right before its attempt."""
        return at


def _same(answer: str, subject: Subject) -> bool:
    """Whether an answer is the attempt's; of two right ones the parts may come in another order."""
    attempt = subject.attempt
    if attempt is None or attempt.answer is None or answer == attempt.answer:
        return attempt is not None and answer == attempt.answer
    reordered = attempt.correct and sorted(answer) == sorted(attempt.answer)
    return reordered and subject.verify(f"<answer>{answer}</answer>").correct
