"""The formats of the paper's released script, as recipes.

They draw attempts, not pairs: an attempt is at most once in a trace, with one of its valid
reflections, and every trace draws from the full pools again. A trace of N attempts is only
made where N are at hand. ``trace.distinct_variants`` holds where the script applies its flag:
not in ``*C*IC`` and ``*CC``.

Source: https://github.com/Zayne-sprague/SkillFactory, whose formats have the names that
each docstring gives first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from sfray.config import TraceConfig
from sfray.traces.drawing import Drawn, Make, fitting, whole
from sfray.traces.plan import Closing, Plan, Step
from sfray.traces.pool import Candidate, Pools


def one_correct(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """``0C``: one correct attempt."""
    return _repeated(config, rng, make, [1], lambda n: _ending_in(pools.correct, pools, n, config, rng))


def last_correct(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """``*C``: ``l_max`` attempts of any correctness, the last one correct."""
    return _repeated(config, rng, make, None, lambda n: _ending_in(pools.correct, pools, n, config, rng))


def each_length(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """``*C_full``: one ``*C`` trace for each length from 1 to ``l_max``."""
    return _repeated(
        config, rng, make, _all_lengths(config), lambda n: _ending_in(pools.correct, pools, n, config, rng)
    )


def each_length_without_reflections(
    pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole
) -> list[Drawn]:
    """``no_reflection``: as ``*C_full`` without the reflections."""
    bare = each_length(pools, config, rng, lambda plan: make(plan.without_reflections()))
    return [replace(d, first=d.first.without_reflections(), plan=d.plan.without_reflections()) for d in bare]


def ignore_correctness(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """``random``: for each length from 1 to ``l_max``, attempts in any order, the last may be wrong."""
    everything = pools.correct + pools.incorrect
    return _repeated(config, rng, make, _all_lengths(config), lambda n: _ending_in(everything, pools, n, config, rng))


def back_to_correct(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """``*C*IC``: ``l_max`` attempts, a correct one among them, a wrong one last; then back to the correct one."""

    def draw(n: int) -> list[Candidate] | None:
        """One trace of ``n`` attempts that ends wrong and goes back; None where the pools lack one."""
        right, wrong = _some(pools.correct, 1, (), rng), _some(pools.incorrect, 1, (), rng)
        if right is None or wrong is None:
            return None
        between = _some(pools.correct + pools.incorrect, n - 2, [*right, *wrong], rng)
        if between is None:
            return None
        mixed = [*right, *between]
        rng.shuffle(mixed)
        return [*mixed, *wrong]

    return _repeated(config, rng, make, None, draw, Closing.BACKTRACK)


def last_two_correct(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """``*CC``: ``l_max`` attempts of any correctness, the last two correct; then a confirmation."""

    def draw(n: int) -> list[Candidate] | None:
        """One trace of ``n`` attempts, the last two correct; None where the pools lack them."""
        last = _some(pools.correct, 2, (), rng)
        before = None if last is None else _some(pools.correct + pools.incorrect, n - 2, last, rng)
        return None if last is None or before is None else [*before, *last]

    return _repeated(config, rng, make, None, draw, Closing.CONFIRM)


def _length(config: TraceConfig, rng: random.Random) -> int:
    """Attempts of one ``*C``, ``*C*IC`` or ``*CC`` trace."""
    return rng.randint(2, config.l_max) if config.sampling_response_counts else config.l_max


def _all_lengths(config: TraceConfig) -> range:
    return range(1, config.l_max + 1)


def _repeated(
    config: TraceConfig,
    rng: random.Random,
    make: Make,
    lengths: Sequence[int] | None,
    draw: Callable[[int], list[Candidate] | None],
    closing: Closing = Closing.NONE,
) -> list[Drawn]:
    """A trace for each length in each repeat, where the pools allow it; None for the length that the config says.

    A length that the config draws is drawn again with the trace.
    """

    def one(n: int | None) -> Plan | None:
        """One trace of ``n`` attempts, or of as many as the config draws."""
        chosen = draw(_length(config, rng) if n is None else n)
        if chosen is None:
            return None
        return Plan(tuple(Step(c.attempt, rng.choice(c.reflections)) for c in chosen), closing)

    each: Sequence[int | None] = [None] if lengths is None else lengths
    drawn = [fitting(lambda n=n: one(n), make) for _ in range(config.repeats) for n in each]  # type: ignore[misc]
    return [trace for trace in drawn if trace is not None]


def _ending_in(
    lasts: Sequence[Candidate], pools: Pools, n: int, config: TraceConfig, rng: random.Random
) -> list[Candidate] | None:
    last = _some(lasts, 1, (), rng)
    before = None if last is None else _others(pools, n - 1, last, config, rng)
    return None if last is None or before is None else [*before, *last]


def _others(
    pools: Pools, n: int, besides: Sequence[Candidate], config: TraceConfig, rng: random.Random
) -> list[Candidate] | None:
    """``n`` more attempts of any correctness; None when there are not as many.

    With distinct variants it is variants that are drawn, each as likely, and then one
    attempt of each: a variant with few attempts comes as often as one with many.
    """
    everything = pools.correct + pools.incorrect
    if not config.distinct_variants:
        return _some(everything, n, besides, rng)
    used = {c.attempt.variant for c in besides}
    of_variant: dict[str, list[Candidate]] = {}
    for candidate in everything:
        if candidate.attempt.variant not in used:
            of_variant.setdefault(candidate.attempt.variant, []).append(candidate)
    if len(of_variant) < n:
        return None
    return [rng.choice(of_variant[variant]) for variant in rng.sample(sorted(of_variant), n)]


def _some(
    pool: Sequence[Candidate], n: int, besides: Sequence[Candidate], rng: random.Random
) -> list[Candidate] | None:
    """``n`` attempts of the pool that are not among the others, each as likely; None when there are not as many."""
    taken = {c.attempt.id for c in besides}
    left = [c for c in pool if c.attempt.id not in taken]
    return rng.sample(left, n) if len(left) >= n else None
