"""Traces in which every mistake comes before the one right attempt."""

import random
from functools import partial

from sfray.config import TraceConfig
from sfray.traces.drawing import Drawn, Make, fitting
from sfray.traces.plan import Plan, Step
from sfray.traces.pool import Candidate, Pools
from sfray.traces.recipes import Recipe


def mistakes_first(pools: Pools, config: TraceConfig, rng: random.Random, make: Make) -> list[Drawn]:
    """One trace for each correct attempt: up to ``l_max - 1`` incorrect attempts, then the correct one."""

    def draw(correct: Candidate) -> Plan:
        """One draw; it is repeated where its trace would be too long."""
        count = min(rng.randrange(config.l_max), len(pools.incorrect))
        chosen = [*rng.sample(pools.incorrect, count), correct]
        return Plan(tuple(Step(c.attempt, rng.choice(c.reflections)) for c in chosen))

    drawn = [fitting(partial(draw, correct), make) for correct in pools.correct]
    return [one for one in drawn if one is not None]


MISTAKES_FIRST = Recipe("mistakes_first", mistakes_first)
