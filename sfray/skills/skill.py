"""What a skill is: a tag, how to ask for its segments, which may be shown, and where.

    class Planning(Skill):
        tag = "plan"
        about = Attempt                                     # or Question: what a segment speaks of

        def read(self, sample, subject): ...                # -> str | StrEnum: the segment, or a reason
        def flaw(self, segment, subject): ...               # -> StrEnum | None: a reason, or None
        def place(self, trace, at): ...                     # -> int | None

``tag`` and ``place`` must be written; the rest has defaults that serve most skills. A reason is a
member of :class:`sfray.rejects.RejectReason`, or of a ``StrEnum`` of the skill's own.
``docs/new_skill.md`` shows a whole one.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from sfray.grammar import Segment
from sfray.prompts import Message, Prompts, fill
from sfray.records import Attempt, Question
from sfray.rejects import RejectReason
from sfray.tasks.lenient import verify_leniently
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.registry import family, verify

Part = Segment | str
"""A piece of a trace: a segment, or the words between two."""

_ANSWER_TAG = re.compile(r"</?\s*answer\s*>", re.IGNORECASE)
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a segment speaks of: a question, or an attempt at it."""

    question: Question
    attempt: Attempt | None = None

    @property
    def id(self) -> str:
        """Id of the attempt, or of the question where the subject has no attempt."""
        return self.question.id if self.attempt is None else self.attempt.id

    def verify(self, text: str) -> Outcome:
        """Judges a response to the question."""
        return verify(self.question.task, self.question.gold, text)

    def answered_in(self, text: str) -> bool:
        """Whether a text gives the question's answer: in a tag, in words, or as it is known.

        An answer that the question mentions itself (the letter of an option, a number that
        is given) is only found in a tag or in words.
        """
        known = self.question.answer
        if known is not None and mentions(text, known) and not mentions(self.question.text, known):
            return True
        if _ANSWER_TAG.search(text):
            return True
        return verify_leniently(self.question.task, self.question.gold, text).correct


class Skill(ABC):
    """A cognitive skill whose segments are sampled from the model and shown in traces.

    Attributes:
        tag: The tag around its segments; no other skill of a run may have the same.
        about: ``Question`` or ``Attempt``: what one segment speaks of.
        wording: Template that asks for a segment, where the prompts file has nothing under
            ``skills.<name>``. It takes ``{question}``, ``{answer_type}`` and, about an
            attempt, ``{attempt}``.
        name: What configs call it: a name of the registry, or ``package.module:Name``.
    """

    tag: ClassVar[str]
    about: ClassVar[type[Question] | type[Attempt]] = Question
    wording: ClassVar[str] = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def unusable(self, subject: Subject) -> StrEnum | None:
        """Why the model is not asked about a subject, or None. Override to ask about fewer.

        By default it is asked about every question, and about every attempt that a trace may show.
        """
        return None if subject.attempt is None else why_unusable(subject.attempt)

    def prompt(self, subject: Subject, prompts: Prompts, variant: str) -> list[Message]:
        """The conversation that asks for a segment. Override for more than one user turn.

        Raises:
            ValueError: Neither the prompts file nor the skill has the wording, by key.
        """
        template = prompts.wording(self.name, variant, self.wording)
        values = {"question": subject.question.text, "answer_type": family(subject.question.task).answer_type}
        if subject.attempt is not None:
            values["attempt"] = subject.attempt.text.strip()
        elif "{attempt}" in template:
            raise ValueError(f"prompts: skills.{self.name}.{variant} has {{attempt}}, but it is asked about a question")
        return [{"role": "user", "content": fill(template, **values)}]

    def read(self, sample: str, subject: Subject) -> str | StrEnum:
        """The segment in what the model wrote, or why it has no segment. By default all of it is the segment."""
        return sample

    def flaw(self, segment: str, subject: Subject) -> StrEnum | None:
        """Why a segment may not be shown, or None. Override to demand more; call ``super().flaw`` first.

        By default a segment is refused when it is empty or gives the answer it should only lead to.
        """
        if not segment.strip():
            return RejectReason.EMPTY_SEGMENT
        return RejectReason.GIVES_ANSWER if subject.answered_in(segment) else None

    @abstractmethod
    def place(self, trace: Sequence[Part], at: int | None) -> int | None:
        """Where a segment belongs in a trace.

        Args:
            trace: The parts so far, in order.
            at: Index of the attempt that the segment speaks of; None when it is the question.

        Returns:
            The index of the part that it goes before (the trace's length for the end), or
            None when the trace has no place for it.
        """


def why_unusable(attempt: Attempt) -> RejectReason | None:
    """Why an attempt cannot be shown in a trace, or None when it can."""
    if attempt.finish != "stop":
        return RejectReason.ATTEMPT_TRUNCATED
    if attempt.answer is None:
        return RejectReason.ATTEMPT_WITHOUT_ANSWER
    return None if Reason(attempt.reason).judged else RejectReason.ATTEMPT_UNJUDGED


def mentions(text: str, answer: str) -> bool:
    """Whether a text holds an answer as words of its own; case and white space do not matter."""
    tokens = _TOKEN.findall(answer)
    pattern = r"\s*".join(map(re.escape, tokens))
    return bool(tokens) and re.search(rf"(?<![\w.]){pattern}(?!\w|\.\d)", text, re.IGNORECASE) is not None
