"""What our verifier needs to know of a question that came as words and an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from sfray.tasks import gsm8k
from sfray.tasks.mathematics import gold_of
from sfray.tasks.numbers import parse_number
from sfray.tasks.registry import family
from sfray.tasks.task import NO_LEVEL

_BRACKETED = re.compile(r"\[\s*(\d{1,9}(?:\s*,\s*\d{1,9}){1,9})\s*\]")
_LISTED = re.compile(r"\bnumbers\s+(\d{1,9}(?:(?:,\s*(?:and\s+)?|\s+and\s+)\d{1,9}){1,9})")
_WHOLE = r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d{1,18})(?![\d]|[.,]\d)"
"""A whole number that is no part of another one."""

_TARGET = re.compile(
    rf"\b(?:equals?|equal to|makes?|reach(?:es)?|target(?: number)?(?: of| is)?):?\s+{_WHOLE}", re.IGNORECASE
)
_FACTORS = re.compile(rf"{_WHOLE}\s*(?:times|x|\*|×|\\times|multiplied by|by|and)\s*{_WHOLE}")

Gold = tuple[dict[str, Any], str, str | None]
"""Gold, level, and one right answer where it is known."""


def gold(task: str, question: str, answer: str) -> tuple[str, str, str | None]:
    """Makes the gold of an imported question.

    Args:
        task: Name of the family.
        question: Its words.
        answer: The answer that came with it; empty without one.

    Returns:
        The gold as JSON, the level, and one right answer or None.

    Raises:
        ValueError: The question or the answer does not say what the family needs, or there
            is no way to import the family.
    """
    require(task)
    content, level, known = _READERS[task](question, answer.strip())
    problem = family(task).gold_problem(content)
    if problem:
        raise ValueError(problem)
    return json.dumps(content), level, known


def require(task: str) -> None:
    """Checks that a family can be imported.

    Raises:
        ValueError: It cannot; names those that can.
    """
    if task not in _READERS:
        raise ValueError(f"task: {task!r} cannot be imported, only {', '.join(_READERS)}")


def _countdown(question: str, answer: str) -> Gold:
    listed = _BRACKETED.search(question) or _LISTED.search(question)
    if listed is None:
        raise ValueError("no list of numbers in the question")
    numbers = [int(n) for n in re.findall(r"\d+", listed[1])]
    stated = _TARGET.search(question)
    # The released data keeps the target in the answer column; other files may hold a solution there.
    known = parse_number(answer, units=False)
    target = known if known is not None else _whole(stated[1]) if stated else None
    if target is None:
        raise ValueError("no target, neither as the answer nor in the question")
    if target.denominator != 1:
        raise ValueError(f"the target {target} is no whole number")
    return {"numbers": numbers, "target": int(target)}, str(len(numbers)), None


def _whole(text: str) -> int:
    return int(text.replace(",", ""))


def _multiplication(question: str, answer: str) -> Gold:
    found = _FACTORS.search(question)
    if found is None:
        raise ValueError("no two factors in the question")
    factors = [_whole(found[1]), _whole(found[2])]
    product = str(factors[0] * factors[1])
    if answer and answer.replace(",", "") != product:
        raise ValueError(f"the answer {answer[:40]!r} is not the product of {factors[0]} and {factors[1]}")
    return {"factors": factors}, str(max(len(str(f)) for f in factors)), product


def _gsm8k(question: str, answer: str) -> Gold:
    number = parse_number(answer.rpartition("####")[2])
    if number is None:
        raise ValueError(f"no number as the answer: {answer[-40:]!r}")
    return dict(gsm8k.gold_of(question, number)), NO_LEVEL, str(number)


def _mathematics(question: str, answer: str) -> Gold:
    return dict(gold_of(question, answer)), NO_LEVEL, answer


_READERS: dict[str, Callable[[str, str], Gold]] = {
    "countdown": _countdown,
    "multiplication": _multiplication,
    "gsm8k": _gsm8k,
    "math500": _mathematics,
    "amc": _mathematics,
    "aime2025": _mathematics,
    "openthoughts": _mathematics,
}
