"""What a verifier says of one text: right or not, why, and the answer it judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a text was judged as it was. Only ``CORRECT`` is ever rewarded."""

    CORRECT = "correct"
    WRONG_VALUE = "wrong_value"
    """A well-formed answer with another value than the one asked for."""
    WRONG_NUMBERS = "wrong_numbers"
    """An expression over numbers that were not given, or given less often."""
    WRONG_WORD = "wrong_word"
    """Not a word of the list, too short, or not made of the given letters."""
    BAD_SYNTAX = "bad_syntax"
    """The answer cannot be read as what the task asks for."""
    TOO_LONG = "too_long"
    """Over a cap of the verifier on length or size."""
    NO_ANSWER = "no_answer"
    """No complete ``<answer>`` where the final answer belongs."""
    EMPTY_ANSWER = "empty_answer"
    NESTED_ANSWER = "nested_answer"
    """An answer tag inside the answer."""
    UNCLOSED_THINK = "unclosed_think"
    """The thinking never ended, so nothing is a final answer."""
    TIMEOUT = "timeout"
    """A bounded worker gave up; never counted as wrong in silence."""
    PARSE_ERROR = "parse_error"
    """The checking library could not read the answer."""

    @property
    def judged(self) -> bool:
        """Whether the verifier came to a judgement; an answer without one is neither right nor wrong."""
        return self not in (Reason.TIMEOUT, Reason.PARSE_ERROR)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The judgement of one text.

    Attributes:
        correct: Whether the final answer is right.
        reason: Why; ``Reason.CORRECT`` exactly when ``correct``.
        answer: The extracted answer, stripped; None when there is none, and only its
            beginning when it is too long to be looked at.
    """

    correct: bool
    reason: Reason
    answer: str | None = None

    @classmethod
    def right(cls, answer: str) -> Outcome:
        """A correct answer."""
        return cls(True, Reason.CORRECT, answer)

    @classmethod
    def wrong(cls, reason: Reason, answer: str | None = None) -> Outcome:
        """An answer that is not accepted, with the reason."""
        return cls(False, reason, answer)
