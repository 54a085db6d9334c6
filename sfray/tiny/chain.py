"""What the attempts of a response do, one after the other: a base makes one, a trained model several."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sfray.grammar import parse
from sfray.tasks.answer import extract
from sfray.tasks.countdown import Problem
from sfray.tasks.expression import ExpressionError, literals
from sfray.tasks.expression import parse as parse_expression
from sfray.tasks.registry import verify


def judge(problem: Problem, text: str) -> bool:
    """Whether a text's final answer is right."""
    return verify("countdown", json.dumps({"numbers": problem.numbers, "target": problem.target}), text).correct


def uses_all(problem: Problem, text: str) -> bool:
    """Whether the answer of an attempt holds every given number, each as often as it is given, and no other."""
    answer = extract(text)
    if not isinstance(answer, str):
        return False
    try:
        return Counter(literals(parse_expression(answer.partition("=")[0]))) == Counter(problem.numbers)
    except ExpressionError:
        return False


def attempts(text: str) -> list[str]:
    """The attempts of a response: its sample blocks, or the whole of a response without any."""
    return [tried.attempt for tried in parse(text).tries] or [text]


def by_index(problems: Sequence[Problem], texts: Iterable[str]) -> list[dict[str, Any]]:
    """Figures of the first attempts, the second ones, and so on.

    Args:
        problems: The puzzles.
        texts: One response to each.

    Returns:
        For each index: ``attempts``, and the shares of them that are ``correct`` and that use ``all_numbers``.
    """
    places: list[list[tuple[bool, bool]]] = []
    for problem, text in zip(problems, texts, strict=True):
        for index, attempt in enumerate(attempts(text)):
            places += [[]] if index == len(places) else []
            places[index].append((judge(problem, attempt), uses_all(problem, attempt)))
    return [
        {
            "attempts": len(found),
            "correct": round(sum(correct for correct, _ in found) / len(found), 4),
            "all_numbers": round(sum(used for _, used in found) / len(found), 4),
        }
        for found in places
    ]


def grammar(problems: Sequence[Problem], texts: Sequence[str]) -> dict[str, float]:
    """Shares of the responses that are ``correct``, and that are a ``valid`` trace."""
    count = max(1, len(texts))
    return {
        "correct": round(sum(judge(p, t) for p, t in zip(problems, texts, strict=True)) / count, 4),
        "valid": round(sum(parse(t).valid for t in texts) / count, 4),
    }
