"""How many of the possible reflections a lazy ``reflect`` step asks for, expected before any attempt is made.

A recipe that drains the pools uses every correct pair and, of the incorrect ones, as many as it draws on the way. How
many reflections are valid cancels out, if it is the same share for both kinds: of v valid ones, a pair costs 1 / v.
Left out: lengths (a trace that is too long is drawn again) and ``trace.distinct_variants`` (fewer pairs go together).
``tests/costs/test_asked.py`` holds it to the simulation of ``python -m benchmarks.reflections``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from sfray.config import TraceConfig
from sfray.config.settings import Demand

Incorrect = Callable[[int, int], float]
"""Correct pairs of a trace, ``trace.l_max`` -> incorrect ones that it asks for, on average."""


def _below(correct: int, l_max: int) -> float:  # noqa: ARG001
    """U{0..n+ - 1}."""
    return (correct - 1) / 2


def _up_to_l_max(correct: int, l_max: int) -> float:  # noqa: ARG001
    """U{0..l_max}."""
    return l_max / 2


DRAINING: dict[str, Incorrect] = {
    "algorithm1": _below,
    "no_reflections": _below,
    "shuffled_verdicts": _below,
    "uniform": _up_to_l_max,
    "no_order": _up_to_l_max,
}
"""Recipe whose traces ask for U{1..l_max} correct pairs -> what else they ask for (:mod:`sfray.traces.draining`)."""


@dataclass(frozen=True)
class Pool:
    """The attempts at a question, on average.

    Attributes:
        attempts: How many.
        right: Share of right ones.
        each: Possible reflections on each.
        variants: Prompt variants that they are of; empty if that is not known.
    """

    attempts: float
    right: float
    each: int
    variants: Sequence[str] = ()


def share(demands: Sequence[Demand], pool: Pool) -> float:
    """Share of the possible reflections that is asked for, between 0 and 1.

    Args:
        demands: What the steps that read the reflections need.
        pool: The attempts at a question.
    """
    left_right = left_wrong = 1.0
    # A limit on tokens changes which pairs are used, hardly how many.
    for trace in {repr(t): t for d in demands for t in _parts(replace(d.trace, max_tokens=1))}.values():
        right, wrong = _used(trace, pool)
        # All recipes use the same correct pairs, and each draws incorrect ones of its own.
        left_right, left_wrong = min(left_right, 1 - right), left_wrong * (1 - wrong)
    probe = max((d.probe for d in demands), default=0.0) / pool.each
    return 1 - (1 - probe) * (pool.right * left_right + (1 - pool.right) * left_wrong)


def _parts(trace: TraceConfig) -> Iterator[TraceConfig]:
    """A config for each of the recipes that are joined by ``+``."""
    yield from (replace(trace, recipe=name.strip()) for name in trace.recipe.split("+"))


def _used(trace: TraceConfig, pool: Pool) -> tuple[float, float]:
    """Shares of the reflections on right and on wrong attempts that the traces of a recipe use."""
    usable = _usable(trace, pool)
    attempts = pool.attempts * usable
    each = min(pool.each, trace.reflections_per_attempt or pool.each)
    correct, incorrect = pool.right * attempts * each, (1 - pool.right) * attempts * each
    used_correct, used_incorrect = _drawn(trace, correct, incorrect)
    of_right = used_correct / correct if correct else 0.0
    of_wrong = min(1.0, used_incorrect / incorrect) if incorrect else 0.0
    of_wrong = 1 - (1 - of_wrong) ** trace.repeats
    if trace.recipe == "no_reflections" or trace.reflections_per_attempt is not None:
        # All reflections on an attempt are asked for as soon as one of its pairs is used.
        of_right, of_wrong = (1 - (1 - s) ** each for s in (of_right, of_wrong))
    return usable * of_right, usable * of_wrong


def _usable(trace: TraceConfig, pool: Pool) -> float:
    """Share of the attempts that a recipe is given."""
    usable = 1.0
    if trace.variants is not None and pool.variants:
        usable = len(set(trace.variants) & set(pool.variants)) / len(set(pool.variants))
    if trace.attempts_per_question is not None and pool.attempts:
        usable = min(usable, trace.attempts_per_question / pool.attempts)
    return usable


def _drawn(trace: TraceConfig, correct: float, incorrect: float) -> tuple[float, float]:
    """Correct and incorrect pairs that the traces of a question use in one pass.

    Args:
        trace: How they are made.
        correct: Correct pairs at hand.
        incorrect: Incorrect ones.
    """
    if trace.recipe == "fixed_ratio":
        traces = correct / trace.n_correct
        if trace.n_incorrect:
            traces = min(traces, incorrect / trace.n_incorrect)
        return traces * trace.n_correct, traces * trace.n_incorrect
    if trace.recipe not in DRAINING:
        return correct, incorrect
    low = int(correct)
    drained = _drained(low + 1, trace.l_max, DRAINING[trace.recipe])
    return correct, drained[low] + (correct - low) * (drained[low + 1] - drained[low])


def _drained(pairs: int, l_max: int, asks: Incorrect) -> list[float]:
    """Number of correct pairs, up to ``pairs`` -> incorrect ones that are drawn with them, on average."""
    found = [0.0]
    for left in range(1, pairs + 1):
        taken = [min(wanted, left) for wanted in range(1, l_max + 1)]
        found.append(sum(asks(n, l_max) + found[left - n] for n in taken) / l_max)
    return found
