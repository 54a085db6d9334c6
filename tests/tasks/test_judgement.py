"""An attempt carries the verifier's outcome, whoever made the text."""

from __future__ import annotations

import pytest

from sfray.tasks.judgement import judged
from tests.sampling.rows import QUESTION


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("<answer>(3 + 5) * 8</answer>", (True, "correct", "(3 + 5) * 8")),
        ("<answer>3 + 5 + 8</answer>", (False, "wrong_value", "3 + 5 + 8")),
        ("no answer", (False, "no_answer", None)),
    ],
)
def test_the_outcome_is_the_verifiers(text: str, outcome: tuple[bool, str, str | None]) -> None:
    made = judged(
        QUESTION, id="q/plain/3", variant="plain", sample=3, hinted=True, text=text, tokens=9, finish="length"
    )
    assert (made.correct, made.reason, made.answer) == outcome
    assert (made.id, made.question_id, made.variant, made.sample) == ("q/plain/3", QUESTION.id, "plain", 3)
    assert (made.hinted, made.text, made.tokens, made.finish) == (True, text, 9, "length")
