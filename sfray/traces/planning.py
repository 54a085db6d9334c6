"""From the rows of one question to its plans.

The traces stage and the estimate before it both begin here, so that the estimate counts
the very traces that will be made.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sfray import seeds
from sfray.config import TraceConfig
from sfray.records import Attempt, Reflection
from sfray.traces.plan import Plan
from sfray.traces.pool import Gathered, gather, not_drawn
from sfray.traces.recipes import recipe


@dataclass(frozen=True, slots=True)
class Planned:
    """What a question's rows come to before there are words.

    Attributes:
        gathered: The pools, and what is not in them.
        plans: One for each trace, in order.
        rng: The question's generator, as it is after the plans: the words are drawn from it.
    """

    gathered: Gathered
    plans: list[Plan]
    rng: random.Random


def plan_question(
    question_id: str, attempts: Sequence[Attempt], reflections: Sequence[Reflection], config: TraceConfig, seed: int
) -> Planned:
    """Plans the traces of one question.

    The generator is seeded by run seed, recipe and question, and the pools are ordered by
    id, so the result depends neither on the order of the rows nor on any other question.

    Args:
        question_id: The question.
        attempts: Attempts at it.
        reflections: Reflections on them.
        config: How pairs become traces.
        seed: The run's seed.
    """
    chosen = recipe(config.recipe)
    rng = seeds.rng(seed, "traces", chosen.name, question_id)
    gathered = gather(attempts, reflections, config.variants, not_drawn(attempts, config, seed))
    plans = chosen.plans(gathered.pools, config, rng)
    if config.max_per_question is not None and len(plans) > config.max_per_question:
        plans = [plans[i] for i in sorted(rng.sample(range(len(plans)), config.max_per_question))]
    return Planned(gathered, plans, rng)
