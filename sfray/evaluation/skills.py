"""Which skills responses show: attempts, segments of every declared skill, and whether verdicts are right.

Every attempt is judged again by the shared verifier, and the verdict of each of its
reflections is held against that. Source: the skill analysis of arXiv 2512.04072.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfray.evaluation.intervals import f1, ratio
from sfray.grammar import ATTEMPT, REFLECTION, TAGS, Faults, Verdict, VerdictError, parse, parse_verdict
from sfray.tasks.outcome import Outcome
from sfray.tasks.registry import verify

Counts = NDArray[np.int64]
"""Verdicts by truth and by what was said, shape (2, 3): truth is wrong or right, said is
incorrect, correct or nothing readable."""

WRONG = 0
"""Row of attempts that are wrong and column of verdicts that say so, in :data:`Counts`."""

RIGHT = 1
"""Row of attempts that are right and column of verdicts that say so, in :data:`Counts`."""

UNREADABLE = 2
"""Column of reflections without a readable verdict, in :data:`Counts`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An attempt of a response, as the verifier sees it.

    Attributes:
        outcome: Its judgement.
        verdicts: What each reflection on it says, in order: columns of :data:`Counts`.
    """

    outcome: Outcome
    verdicts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Skills:
    """What one response shows.

    Attributes:
        tries: Explicit attempts, one per closed sample block.
        answers: How many those are; a response without any that gives a final answer has made one.
        reflections: Closed reflect blocks behind those attempts, however many each has.
        verdicts: Of those reflections, on attempts that the verifier could judge.
        valid: Whether the response keeps to the grammar.
        faults: Where it does not.
        segments: Declared skill -> its segments, ``reflections`` among them; 0 for a skill that is not shown.
    """

    tries: tuple[Judged, ...]
    answers: int
    reflections: int
    verdicts: Counts
    valid: bool
    faults: Faults
    segments: Mapping[str, int]


def no_verdicts() -> Counts:
    """Counts of nothing."""
    return np.zeros((2, 3), np.int64)


def said(verdict: Verdict | VerdictError | str | None) -> int:
    """Column of a verdict in :data:`Counts`."""
    return {Verdict.INCORRECT.value: WRONG, Verdict.CORRECT.value: RIGHT}.get(str(verdict), UNREADABLE)


def read(text: str, task: str, gold: str, answer: str | None, tags: Mapping[str, str] = TAGS) -> Skills:
    """Reads one response.

    Args:
        text: The response.
        task: Family whose verifier judges its attempts.
        gold: ``Question.gold``.
        answer: The final answer that the verifier extracted from it, if any.
        tags: Skill -> tag, for every declared skill.
    """
    thinking = parse(text, tags)
    tries = tuple(
        Judged(verify(task, gold, tried.attempt), tuple(said(parse_verdict(r)) for r in tried.reflections))
        for tried in thinking.tries
    )
    verdicts = no_verdicts()
    for tried in tries:
        if tried.outcome.reason.judged:
            for verdict in tried.verdicts:
                verdicts[int(tried.outcome.correct), verdict] += 1
    reflections = sum(len(t.verdicts) for t in tries)
    shown = Counter(s.skill for s in thinking.segments) + Counter({REFLECTION: reflections})
    return Skills(
        tries=tries,
        answers=len(tries) or int(answer is not None),
        reflections=reflections,
        verdicts=verdicts,
        valid=thinking.valid,
        faults=thinking.faults,
        segments={skill: shown[skill] for skill in tags if skill != ATTEMPT},
    )


def verdict_scores(counts: Counts, confidence: float = 0.95) -> dict[str, Any]:
    """Precision, recall and F1 of the verdicts, for the correct and the incorrect class.

    Args:
        counts: Per question, shape (m, 2, 3).
        confidence: Of the intervals, which treat questions as clusters.

    Returns:
        The ``precision``, ``recall``, ``f1`` and ``support`` of ``correct`` and of ``incorrect``,
        None where one is not defined, and the number of ``unreadable`` verdicts, each a miss of
        the class that it should have named.
    """
    return {
        "correct": _class_scores(counts, RIGHT, confidence),
        "incorrect": _class_scores(counts, WRONG, confidence),
        "unreadable": int(counts[:, :, UNREADABLE].sum()),
    }


def _class_scores(counts: Counts, cls: int, confidence: float) -> dict[str, Any]:
    hits, named, present = counts[:, cls, cls], counts[:, :, cls].sum(axis=1), counts[:, cls, :].sum(axis=1)
    figures = {
        "precision": ratio(hits, named, confidence),
        "recall": ratio(hits, present, confidence),
        "f1": f1(hits, named - hits, present - hits, confidence),
    }
    return {k: v.to_json() if v else None for k, v in figures.items()} | {"support": int(present.sum())}
