"""Scores answers from anywhere: JSON lines in, JSON lines out.

    {"numbers": [3, 5, 8], "target": 64, "text": "… <answer>(3 + 5) * 8</answer>"}
    {"line": 1, "correct": true, "reason": "correct", "answer": "(3 + 5) * 8"}

A line holds the fields of its task's gold (``gold_problem`` of the family lists them)
and the whole response as ``text``; an ``id`` is passed through. A line that cannot be
scored is neither right nor wrong: ``correct`` is null, ``reason`` is ``bad_line``, and
``detail`` says what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sfray.tasks.registry import family, verify
from sfray.tasks.task import Task

BAD_LINE = "bad_line"


def score_lines(task: str, lines: Iterable[str | UnicodeDecodeError]) -> Iterator[dict[str, Any]]:
    """Scores each line, in order; blank lines are passed over.

    Args:
        task: Name of the family.
        lines: JSON objects, one a line; an error in place of a line that is not UTF-8.

    Yields:
        ``line`` (its number, from 1), ``id`` if the line has one, ``correct``, ``reason``, ``answer``.

    Raises:
        ValueError: No such task.
    """
    judge = family(task)
    for number, line in enumerate(lines, 1):
        if isinstance(line, UnicodeDecodeError):
            yield {"line": number, **_bad(f"not UTF-8: {line.reason}")}
        elif line.strip():
            yield {"line": number, **_score(judge, line)}


def _score(task: type[Task], line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _bad(f"not JSON: {error}")
    if not isinstance(row, dict):
        return _bad("not a JSON object")
    named = {"id": row["id"]} if "id" in row else {}
    if not isinstance(row.get("text"), str):
        return named | _bad("text: expected a string")
    if problem := task.gold_problem(row):
        return named | _bad(problem)
    outcome = verify(task.name, json.dumps({k: v for k, v in row.items() if k != "text"}), row["text"])
    return named | {"correct": outcome.correct, "reason": outcome.reason.value, "answer": outcome.answer}


def _bad(detail: str) -> dict[str, Any]:
    return {"correct": None, "reason": BAD_LINE, "answer": None, "detail": detail[:300]}
