"""A Countdown question and attempts at it, judged by the real verifier."""

from __future__ import annotations

import json

from sfray.records import Attempt, Question
from sfray.skills.skill import Subject
from sfray.tasks.registry import verify

QUESTION = Question(
    id="countdown-3:sft:000000",
    task="countdown",
    level="3",
    split="sft",
    text="Use the numbers 3, 5 and 8 with + - * / to make 64. Use each number at most once.",
    gold=json.dumps({"numbers": [3, 5, 8], "target": 64}),
    answer="(3 + 5) * 8",
)
RIGHT_TEXT = "3 + 5 = 8, 8 * 8 = 64. <answer>(3 + 5) * 8</answer>"
WRONG_TEXT = "Step by step: 3 * 5 = 15, 15 + 8 = 23. <answer>3 * 5 + 8</answer>"


def subject(text: str, finish: str = "stop", k: int = 0) -> Subject:
    """An attempt at ``QUESTION`` with this text."""
    outcome = verify(QUESTION.task, QUESTION.gold, text)
    attempt = Attempt(
        id=f"{QUESTION.id}/plain/{k}",
        question_id=QUESTION.id,
        variant="plain",
        sample=k,
        hinted=False,
        text=text,
        tokens=9,
        finish=finish,
        correct=outcome.correct,
        reason=outcome.reason.value,
        answer=outcome.answer,
    )
    return Subject(QUESTION, attempt)


ASKED, RIGHT, WRONG = Subject(QUESTION), subject(RIGHT_TEXT), subject(WRONG_TEXT, k=1)
