"""Recipes that drain the pools: Algorithm 1 and its variations.

Each trace takes its pairs out of the pools, so no pair is used twice in a pass, and a
pass ends when no correct pair is left. They differ in how many pairs of each kind a trace
gets and in whether a correct one comes last.

Source: Algorithm 1 of https://arxiv.org/abs/2512.04072, read so that drawn pairs leave the
pools: the loop would not end otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from sfray.config import TraceConfig
from sfray.records import Reflection
from sfray.traces.plan import Plan, Step
from sfray.traces.pool import Candidate, Pools

Correct = Callable[[TraceConfig, random.Random], int]
"""How many correct pairs the next trace asks for."""

Incorrect = Callable[[int, TraceConfig, random.Random], int]
"""How many incorrect ones it asks for, given how many correct ones it got."""


def algorithm1(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """n+ = min(U{1..l_max}, |Y+|), n- = min(U{0..n+ - 1}, |Y-|), shuffled, a correct pair last."""
    return _drain(pools, config, rng, _up_to_l_max, lambda n, _, r: r.randint(0, n - 1))


def uniform(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """As Algorithm 1 without its ratio: n- = min(U{0..l_max}, |Y-|) whatever n+ is."""
    return _drain(pools, config, rng, _up_to_l_max, lambda _, c, r: r.randint(0, c.l_max))


def no_order(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """The order ablation: as ``uniform``, all pairs shuffled, so that the last may be wrong."""
    return _drain(pools, config, rng, _up_to_l_max, lambda _, c, r: r.randint(0, c.l_max), correct_last=False)


def no_reflections(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """The reflection ablation: exactly the traces of Algorithm 1, without what reflects."""
    return [plan.without_reflections() for plan in algorithm1(pools, config, rng)]


def fixed_ratio(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """Exactly ``n_correct`` and ``n_incorrect`` pairs, a correct one last, while both pools suffice."""
    return _drain(pools, config, rng, lambda c, _: c.n_correct, lambda _n, c, _r: c.n_incorrect, exact=True)


def _up_to_l_max(config: TraceConfig, rng: random.Random) -> int:
    return rng.randint(1, config.l_max)


def _drain(
    pools: Pools,
    config: TraceConfig,
    rng: random.Random,
    ask_correct: Correct,
    ask_incorrect: Incorrect,
    *,
    correct_last: bool = True,
    exact: bool = False,
) -> list[Plan]:
    plans: list[Plan] = []
    for _ in range(config.repeats):
        correct = pairs(pools.correct, config.reflections_per_attempt, rng)
        incorrect = pairs(pools.incorrect, config.reflections_per_attempt, rng)
        while correct:
            wanted = ask_correct(config, rng)
            right = _take(correct, wanted, (), config, rng)
            wanted_wrong = ask_incorrect(len(right), config, rng)
            wrong = _take(incorrect, wanted_wrong, right, config, rng)
            if exact and (len(right) < wanted or len(wrong) < wanted_wrong):
                break
            # A random draw has no order yet, so any one of the correct pairs may be the last.
            mixed, last = (right[:-1] + wrong, right[-1:]) if correct_last else (right + wrong, [])
            rng.shuffle(mixed)
            plans.append(Plan((*mixed, *last)))
    return plans


def pairs(candidates: Sequence[Candidate], limit: int | None, rng: random.Random) -> list[Step]:
    """All (attempt, reflection) pairs of a pool.

    Args:
        candidates: The pool.
        limit: Most reflections used of each attempt, drawn by ``rng``; None for all.
        rng: Source of randomness.
    """
    steps: list[Step] = []
    for candidate in candidates:
        reflections: Sequence[Reflection] = candidate.reflections
        if limit is not None and len(reflections) > limit:
            reflections = rng.sample(reflections, limit)
        steps += [Step(candidate.attempt, r) for r in reflections]
    return steps


def _take(pool: list[Step], wanted: int, beside: Sequence[Step], config: TraceConfig, rng: random.Random) -> list[Step]:
    """Removes up to ``wanted`` random pairs from the pool; fewer when it runs out.

    With ``distinct_variants`` none shares its prompt variant with another of the trace.
    """
    if not config.distinct_variants:
        chosen = rng.sample(range(len(pool)), min(wanted, len(pool)))
    else:
        used = {step.attempt.variant for step in beside}
        chosen = []
        for i in rng.sample(range(len(pool)), len(pool)):
            if len(chosen) < wanted and pool[i].attempt.variant not in used:
                used.add(pool[i].attempt.variant)
                chosen.append(i)
    taken = [pool[i] for i in chosen]
    gone = set(chosen)
    pool[:] = [step for i, step in enumerate(pool) if i not in gone]
    return taken
