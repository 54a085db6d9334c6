"""The formats of the paper's released script, as recipes.

They draw attempts, not pairs: an attempt is at most once in a trace, with one of its valid
reflections, and every trace draws from the full pools again. A trace of N attempts is only
made where N are at hand.

Source: https://github.com/Zayne-sprague/SkillFactory, whose formats have the names that
each docstring gives first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from sfray.config import TraceConfig
from sfray.traces.plan import Closing, Plan, Step
from sfray.traces.pool import Candidate, Pools


def zero_c(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """``0C``: one correct attempt."""
    return _repeated(config, rng, [1], lambda n: _ending_in(pools.correct, pools, n, config, rng))


def star_c(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """``*C``: ``l_max`` attempts of any correctness, the last one correct."""
    return _repeated(config, rng, [config.l_max], lambda n: _ending_in(pools.correct, pools, n, config, rng))


def star_c_full(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """``*C_full``: one ``*C`` trace for each length from 1 to ``l_max``."""
    return _repeated(config, rng, _all_lengths(config), lambda n: _ending_in(pools.correct, pools, n, config, rng))


def no_reflection(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """``no_reflection``: as ``*C_full`` without the reflections."""
    return [plan.without_reflections() for plan in star_c_full(pools, config, rng)]


def ignore_correctness(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """``random``: for each length from 1 to ``l_max``, attempts in any order, the last may be wrong."""
    everything = pools.correct + pools.incorrect
    return _repeated(config, rng, _all_lengths(config), lambda n: _ending_in(everything, pools, n, config, rng))


def star_c_ic(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """``*C*IC``: ``l_max`` attempts, a correct one among them, a wrong one last; then back to the correct one."""
    # With distinct variants a correct one may leave no wrong one: such a draw would lose a trace by chance.
    able = [c for c in pools.correct if any(_may_join(wrong, c, config) for wrong in pools.incorrect)]

    def draw(n: int) -> list[Candidate] | None:
        """One trace of ``n`` attempts that ends wrong and goes back; None where the pools lack one."""
        right = _some(able, 1, (), config, rng)
        wrong = None if right is None else _some(pools.incorrect, 1, right, config, rng)
        if right is None or wrong is None:
            return None
        between = _others(pools, n - 2, [*right, *wrong], config, rng)
        if between is None:
            return None
        mixed = [*right, *between]
        rng.shuffle(mixed)
        return [*mixed, *wrong]

    return _repeated(config, rng, [config.l_max], draw, Closing.BACKTRACK)


def star_cc(pools: Pools, config: TraceConfig, rng: random.Random) -> list[Plan]:
    """``*CC``: ``l_max`` attempts of any correctness, the last two correct; then a confirmation."""

    def draw(n: int) -> list[Candidate] | None:
        """One trace of ``n`` attempts, the last two correct; None where the pools lack them."""
        last = _some(pools.correct, 2, (), config, rng)
        before = None if last is None else _others(pools, n - 2, last, config, rng)
        return None if last is None or before is None else [*before, *last]

    return _repeated(config, rng, [config.l_max], draw, Closing.CONFIRM)


def _may_join(other: Candidate, one: Candidate, config: TraceConfig) -> bool:
    return not config.distinct_variants or other.attempt.variant != one.attempt.variant


def _all_lengths(config: TraceConfig) -> range:
    return range(1, config.l_max + 1)


def _repeated(
    config: TraceConfig,
    rng: random.Random,
    lengths: Sequence[int],
    draw: Callable[[int], list[Candidate] | None],
    closing: Closing = Closing.NONE,
) -> list[Plan]:
    """A plan for each length in each repeat, where the pools allow it."""
    plans: list[Plan] = []
    for _ in range(config.repeats):
        for n in lengths:
            chosen = draw(n)
            if chosen is not None:
                steps = tuple(Step(c.attempt, rng.choice(c.reflections)) for c in chosen)
                plans.append(Plan(steps, closing))
    return plans


def _ending_in(
    lasts: Sequence[Candidate], pools: Pools, n: int, config: TraceConfig, rng: random.Random
) -> list[Candidate] | None:
    last = _some(lasts, 1, (), config, rng)
    before = None if last is None else _others(pools, n - 1, last, config, rng)
    return None if last is None or before is None else [*before, *last]


def _others(
    pools: Pools, n: int, besides: Sequence[Candidate], config: TraceConfig, rng: random.Random
) -> list[Candidate] | None:
    """``n`` more attempts of any correctness; None when there are not as many."""
    return _some(pools.correct + pools.incorrect, n, besides, config, rng)


def _some(
    pool: Sequence[Candidate], n: int, besides: Sequence[Candidate], config: TraceConfig, rng: random.Random
) -> list[Candidate] | None:
    taken = {c.attempt.id for c in besides}
    left = [c for c in pool if c.attempt.id not in taken]
    if not config.distinct_variants:
        return rng.sample(left, n) if len(left) >= n else None
    used = {c.attempt.variant for c in besides}
    chosen: list[Candidate] = []
    for candidate in rng.sample(left, len(left)):
        if len(chosen) < n and candidate.attempt.variant not in used:
            used.add(candidate.attempt.variant)
            chosen.append(candidate)
    return chosen if len(chosen) == n else None
