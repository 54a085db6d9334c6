"""Recipes that drain the pools: Algorithm 1 and its variations.

Each trace takes its pairs out of the pools, so no pair is used twice in a pass, and a
pass ends when no correct pair is left. No attempt is twice in one trace: its further
reflections wait for other traces. They differ in how many pairs of each kind a trace
gets and in whether a correct one comes last. A trace that is given up because no draw fits
takes the pairs of its last draw along, or the pass would not end.

Source: Algorithm 1 of https://arxiv.org/abs/2512.04072, read so that drawn pairs leave the
pools: the loop would not end otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sfray.config import TraceConfig
from sfray.traces.drawing import Drawn, Make, Orders, fitting, whole
from sfray.traces.plan import Plan, Step
from sfray.traces.pool import Candidate, Pools

Correct = Callable[[TraceConfig, random.Random], int]
"""How many correct pairs the next trace asks for."""

Incorrect = Callable[[int, TraceConfig, random.Random], int]
"""How many incorrect ones it asks for, given how many correct ones it got."""

Pairs = dict[str, Step]
"""Name -> (attempt, reflection) pair."""


def algorithm1(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """``n+ = min(U{1..l_max}, |Y+|)``, ``n- = min(U{0..n+ - 1}, |Y-|)``, shuffled, a correct pair last.

    ``|Y+|`` and ``|Y-|`` count attempts that still have a pair: no attempt is in a trace twice.
    """
    return _drain(pools, config, rng, make, _up_to_l_max, lambda n, _, r: r.randint(0, n - 1))


def uniform(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """As Algorithm 1 without its ratio: ``n- = min(U{0..l_max}, |Y-|)`` whatever n+ is."""
    return _drain(pools, config, rng, make, _up_to_l_max, lambda _, c, r: r.randint(0, c.l_max))


def no_order(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """The order ablation: as ``uniform``, all pairs shuffled, so that the last may be wrong."""
    return _drain(pools, config, rng, make, _up_to_l_max, lambda _, c, r: r.randint(0, c.l_max), correct_last=False)


def no_reflections(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """The reflection ablation: exactly the traces of Algorithm 1, without what reflects."""
    bare = algorithm1(pools, config, rng, lambda plan: make(plan.without_reflections()))
    return [replace(d, first=d.first.without_reflections(), plan=d.plan.without_reflections()) for d in bare]


def shuffled_verdicts(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """A control: Algorithm 1, but the reflections of a trace are dealt to its attempts at random.

    The attempts, their order, the words between them and the number of each verdict stay as they were; what a
    verdict says of the attempt before it is left to chance.
    """
    own = random.Random(rng.getrandbits(64))  # noqa: S311  (not for secrets)

    def dealt(plan: Plan) -> tuple[Plan, Any] | None:
        """The plan with its reflections dealt at random, and what is made of it."""
        reflections = [step.reflection for step in plan.steps]
        own.shuffle(reflections)
        steps = tuple(Step(step.attempt, r) for step, r in zip(plan.steps, reflections, strict=True))
        shuffled = replace(plan, steps=steps)
        made = make(shuffled)
        return None if made is None else (shuffled, made)

    drawn = algorithm1(pools, config, rng, dealt)
    return [d if d.made is None else replace(d, plan=d.made[0], made=d.made[1]) for d in drawn]


def fixed_ratio(pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Drawn]:
    """Exactly ``n_correct`` and ``n_incorrect`` pairs, a correct one last, while both pools suffice."""
    return _drain(pools, config, rng, make, lambda c, _: c.n_correct, lambda _n, c, _r: c.n_incorrect, exact=True)


def _up_to_l_max(config: TraceConfig, rng: random.Random) -> int:
    return rng.randint(1, config.l_max)


def _drain(
    pools: Pools,
    config: TraceConfig,
    rng: random.Random,
    make: Make,
    ask_correct: Correct,
    ask_incorrect: Incorrect,
    *,
    correct_last: bool = True,
    exact: bool = False,
) -> list[Drawn]:
    drawn: list[Drawn] = []
    orders = Orders(rng)
    for _ in range(config.repeats):
        correct = pairs(pools.correct, config.reflections_per_attempt, orders)
        incorrect = pairs(pools.incorrect, config.reflections_per_attempt, orders)

        def draw(correct: Pairs = correct, incorrect: Pairs = incorrect) -> Plan | None:
            """One trace of the pairs that are left; None where there are too few of them."""
            wanted = ask_correct(config, rng)
            right = _chosen(correct, wanted, (), config, orders)
            wanted_wrong = ask_incorrect(len(right), config, rng)
            wrong = _chosen(incorrect, wanted_wrong, right, config, orders)
            if exact and (len(right) < wanted or len(wrong) < wanted_wrong):
                return None
            # A random draw has no order yet, so any one of the correct pairs may be the last.
            mixed, last = (right[:-1] + wrong, right[-1:]) if correct_last else (right + wrong, [])
            rng.shuffle(mixed)
            return Plan((*mixed, *last))

        while correct and (trace := fitting(draw, make)) is not None:
            drawn.append(trace)
            gone = {id(step) for step in trace.plan.steps}
            for pool in (correct, incorrect):
                for name in [name for name, step in pool.items() if id(step) in gone]:
                    del pool[name]
    return drawn


def pairs(candidates: Sequence[Candidate], limit: int | None, orders: Orders) -> Pairs:
    """All (attempt, reflection) pairs of a pool, by name.

    Under a limit a pair is named by its attempt and its place there: which reflection stands at that place
    then says nothing about when the pair is drawn.

    Args:
        candidates: The pool.
        limit: Most reflections used of each attempt, the first of a new order; None for all.
        orders: Source of randomness.
    """
    found: Pairs = {}
    for candidate in candidates:
        by_id = {r.id: Step(candidate.attempt, r) for r in candidate.reflections}
        if limit is None:
            found |= by_id
        else:
            chosen = orders.next(by_id)[:limit]
            found |= {f"{candidate.attempt.id}#{place}": by_id[name] for place, name in enumerate(chosen)}
    return found


def _chosen(pool: Pairs, wanted: int, beside: Sequence[Step], config: TraceConfig, orders: Orders) -> list[Step]:
    """Up to ``wanted`` random pairs of the pool, each of another attempt; fewer when there are no more.

    With ``distinct_variants`` none shares its prompt variant with another of the trace.
    """
    used = {_key(step, config) for step in beside}
    chosen: list[Step] = []
    for name in orders.next(pool):
        if len(chosen) == wanted:
            break
        if (key := _key(pool[name], config)) not in used:
            used.add(key)
            chosen.append(pool[name])
    return chosen


def _key(step: Step, config: TraceConfig) -> str:
    """What may be in a trace once."""
    return step.attempt.variant if config.distinct_variants else step.attempt.id
