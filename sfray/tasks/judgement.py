"""An attempt with its judgement: the one place where the verifier's outcome becomes a row."""

from __future__ import annotations

from sfray.records import Attempt, Question
from sfray.tasks.registry import verify


def judged(
    question: Question, *, id: str, variant: str, sample: int, hinted: bool, text: str, tokens: int, finish: str
) -> Attempt:
    """The attempt at a question that a text is.

    Args:
        question: What was asked.
        id: Of the attempt.
        variant: Prompt variant that asked for it.
        sample: Its number among the attempts of the variant.
        hinted: Whether the answer was given away.
        text: What was written.
        tokens: Length of the text.
        finish: ``stop``, or ``length`` when it was cut.
    """
    outcome = verify(question.task, question.gold, text)
    return Attempt(
        id=id,
        question_id=question.id,
        variant=variant,
        sample=sample,
        hinted=hinted,
        text=text,
        tokens=tokens,
        finish=finish,
        correct=outcome.correct,
        reason=outcome.reason.value,
        answer=outcome.answer,
    )
