"""Golds from words and answers."""

from __future__ import annotations

import json

import pytest

from sfray.interchange.gold import gold
from sfray.tasks.countdown import question_text

THREE = {"numbers": [3, 5, 8], "target": 64}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Using the numbers [3, 5, 8], create an equation that equals 64.", "64"),
        ("Using the numbers [ 3,5 ,8 ], create an equation that equals 64. Example: 1 + 2 = 3", ""),
        ("Using the numbers [3, 5, 8], make 64", "(3 + 5) * 8"),
        ("Target: 64. Use [3, 5, 8].", ""),
        (question_text((3, 5, 8), 64), ""),
        ("Use the numbers 3, 5, and 8 to reach 64.", " 64 "),
        ("Using the numbers [3, 5, 8], create an equation that equals a number.", "64.0"),
    ],
)
def test_countdown(question: str, answer: str) -> None:
    content, level, known = gold("countdown", question, answer)
    assert json.loads(content) == THREE
    assert (level, known) == ("3", None)


@pytest.mark.parametrize(
    ("task", "question", "answer", "expected"),
    [
        ("multiplication", "What is 12 times 345?", "4,140", ({"factors": [12, 345]}, "3", "4140")),
        ("multiplication", "Compute 12 x 34.", "", ({"factors": [12, 34]}, "2", "408")),
        ("multiplication", "What is 1,234 times 56?", "69104", ({"factors": [1234, 56]}, "4", "69104")),
        ("gsm8k", "How many?", "2 + 2 = 4\n#### 1,004", ({"number": "1004"}, "-", "1004")),
        ("gsm8k", "How many?", "4", ({"number": "4"}, "-", "4")),
        ("math500", "Half?", r"\frac{1}{2}", ({"answer": r"\frac{1}{2}"}, "-", r"\frac{1}{2}")),
    ],
)
def test_other_families(task: str, question: str, answer: str, expected: tuple) -> None:
    content, level, known = gold(task, question, answer)
    assert (json.loads(content), level, known) == expected


@pytest.mark.parametrize(
    ("task", "question", "answer", "message"),
    [
        ("countdown", "Make 64 somehow.", "64", "no list of numbers in the question"),
        ("countdown", "Use [3, 5, 8].", "unknown", "no target, neither as the answer nor in the question"),
        ("countdown", "Use [3, 5, 8], create an equation that equals 64.5.", "", "no target, neither"),
        ("countdown", "Use [3, 5, 8].", "64.5", "the target 129/2 is no whole number"),
        ("multiplication", "What is 12.5 times 4?", "", "no two factors in the question"),
        ("multiplication", "What is this?", "4", "no two factors in the question"),
        ("multiplication", "What is 12 times 3?", "37", "the answer '37' is not the product of 12 and 3"),
        ("gsm8k", "How many?", "many", "no number as the answer: 'many'"),
        ("math500", "Half?", "", "answer: expected one formula"),
        ("acronym", "q", "a", "task: 'acronym' cannot be imported, only countdown"),
    ],
)
def test_what_cannot_be_judged(task: str, question: str, answer: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("?", r"\?")):
        gold(task, question, answer)
