"""Doubt: after an attempt, the model asks itself what could be wrong with it."""

from collections.abc import Sequence
from enum import StrEnum

from sfray.records import Attempt
from sfray.skills.skill import Part, Skill, Subject


class DoubtReason(StrEnum):
    """Why a response is no doubt, as ``rejects.parquet`` says it."""

    NO_QUESTION = "no_question"


class Doubt(Skill):
    """One question about an attempt, such as "Did I carry the ten?"; the wording is in ``prompts.yaml``."""

    tag = "doubt"  # <doubt> … </doubt>
    about = Attempt  # or Question, the default

    def read(self, sample: str, subject: Subject) -> str | StrEnum:
        """The response up to the end of its first question."""
        question, mark, _ = sample.partition("?")
        return question + mark if mark else DoubtReason.NO_QUESTION

    def place(self, trace: Sequence[Part], at: int | None) -> int | None:
        """Right after its attempt, before the reflection on it."""
        return None if at is None else at + 1
