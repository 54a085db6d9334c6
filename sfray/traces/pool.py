"""Which attempts and reflections of one question may enter its traces.

An attempt is usable when generation stopped by itself (a truncated text would teach
truncation), it has an extracted answer (right or wrong), it holds no structural tag and
at least one valid reflection on it is usable. A reflection is usable when it stopped by
itself, is valid and holds no structural tag.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sfray.grammar import STRUCTURAL_TAG
from sfray.records import Attempt, Reflection, Reject

_DETAIL_CHARS = 200


class Skip(StrEnum):
    """Why something is in no trace.

    Rows that an earlier stage already marked are only counted; the others become rejects.
    """

    STRUCTURAL_TAG = "structural_tag"
    """Reject: the text holds a tag that only a trace may write."""
    TOO_LONG = "too_long"
    """Reject: a trace over ``trace.max_tokens`` even when rebuilt as short as it gets."""
    NO_CORRECT_PAIR = "no_correct_pair"
    """Reject: a question without a usable correct pair."""
    TOO_FEW_PAIRS = "too_few_pairs"
    """Reject: a question with fewer pairs than the recipe needs."""
    TRUNCATED_ATTEMPT = "truncated_attempt"
    NO_ANSWER = "no_answer"
    OTHER_VARIANT = "other_variant"
    """An attempt of a variant that ``trace.variants`` leaves out."""
    NO_VALID_REFLECTION = "no_valid_reflection"
    """A usable attempt that no valid reflection goes with."""
    INVALID_REFLECTION = "invalid_reflection"
    TRUNCATED_REFLECTION = "truncated_reflection"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A usable attempt with all its usable reflections, at least one."""

    attempt: Attempt
    reflections: tuple[Reflection, ...]


@dataclass(frozen=True, slots=True)
class Pools:
    """The candidates of one question, each pool ordered by attempt id."""

    correct: tuple[Candidate, ...]
    incorrect: tuple[Candidate, ...]


@dataclass(slots=True)
class Gathered:
    """The pools of a question and what did not get into them."""

    pools: Pools
    rejects: list[Reject]
    skipped: Counter[str]


def gather(
    attempts: Iterable[Attempt], reflections: Iterable[Reflection], variants: Sequence[str] | None = None
) -> Gathered:
    """Sorts one question's rows into pools.

    Args:
        attempts: Attempts at the question, in any order.
        reflections: Reflections on them, in any order.
        variants: Prompt variants to use; None for all.
    """
    rejects: list[Reject] = []
    skipped: Counter[str] = Counter()
    on_attempt: defaultdict[str, list[Reflection]] = defaultdict(list)
    for reflection in sorted(reflections, key=lambda r: r.id):
        if reason := _reflection_skip(reflection):
            _note(reflection.id, reflection.text, reason, rejects, skipped)
        else:
            on_attempt[reflection.attempt_id].append(reflection)
    candidates: list[Candidate] = []
    for attempt in sorted(attempts, key=lambda a: a.id):
        usable = on_attempt.get(attempt.id, [])
        if reason := _attempt_skip(attempt, bool(usable), variants):
            _note(attempt.id, attempt.text, reason, rejects, skipped)
        else:
            candidates.append(Candidate(attempt, tuple(usable)))
    pools = Pools(
        tuple(c for c in candidates if c.attempt.correct), tuple(c for c in candidates if not c.attempt.correct)
    )
    return Gathered(pools, rejects, skipped)


def _reflection_skip(reflection: Reflection) -> Skip | None:
    if reflection.finish != "stop":
        return Skip.TRUNCATED_REFLECTION
    if STRUCTURAL_TAG.search(reflection.text):
        return Skip.STRUCTURAL_TAG
    return None if reflection.valid else Skip.INVALID_REFLECTION


def _attempt_skip(attempt: Attempt, reflected: bool, variants: Sequence[str] | None) -> Skip | None:
    if variants is not None and attempt.variant not in variants:
        return Skip.OTHER_VARIANT
    if attempt.finish != "stop":
        return Skip.TRUNCATED_ATTEMPT
    if STRUCTURAL_TAG.search(attempt.text):
        return Skip.STRUCTURAL_TAG
    if attempt.answer is None:
        return Skip.NO_ANSWER
    return None if reflected else Skip.NO_VALID_REFLECTION


def _note(row: str, text: str, reason: Skip, rejects: list[Reject], skipped: Counter[str]) -> None:
    if reason is Skip.STRUCTURAL_TAG:
        rejects.append(Reject(row, reason.value, text[:_DETAIL_CHARS]))
    else:
        skipped[reason.value] += 1
