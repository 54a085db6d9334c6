"""Plans of one question: what both the traces stage and the estimate before it make of its rows."""

from __future__ import annotations

import random
from dataclasses import replace

from sfray import seeds
from sfray.config import TraceConfig
from sfray.traces.planning import Planned, plan_question
from sfray.traces.pool import gather
from sfray.traces.recipes import recipe
from tests.traces.rows import attempt, reflection

ATTEMPTS = [attempt(i, correct=i < 4) for i in range(8)]
REFLECTIONS = [reflection(a, k) for a in ATTEMPTS for k in range(2)]
CONFIG = TraceConfig(recipe="each_length", l_max=4)


def planned(seed: int = 0, shuffled: bool = False, **config: object) -> Planned:
    attempts, reflections = list(ATTEMPTS), list(REFLECTIONS)
    if shuffled:
        random.Random(1).shuffle(attempts)
        random.Random(2).shuffle(reflections)
    return plan_question("q", attempts, reflections, replace(CONFIG, **config), seed)


def test_the_generator_is_the_questions() -> None:
    rng = seeds.rng(0, "traces", "each_length", "q")
    pools = gather(ATTEMPTS, REFLECTIONS).pools
    assert planned().plans == recipe("each_length").plans(pools, CONFIG, rng)


def test_seed_and_recipe_matter_and_the_order_of_rows_does_not() -> None:
    assert planned(shuffled=True).plans == planned().plans
    assert planned(seed=1).plans != planned().plans
    assert planned(recipe="*C_full").plans == planned().plans


def test_plans_are_subsampled_in_their_order() -> None:
    every, some = planned().plans, planned(max_per_question=2).plans
    assert len(every) == 4
    assert len(some) == 2
    assert some == [p for p in every if p in some]


def test_attempts_are_subsampled_with_all_their_reflections() -> None:
    pools = planned(attempts_per_question=3).gathered.pools
    chosen = [*pools.correct, *pools.incorrect]
    assert [len(c.reflections) for c in chosen] == [2, 2, 2]
    assert planned(attempts_per_question=3).gathered.skipped == {"not_drawn": 5}
    assert planned(attempts_per_question=3, shuffled=True).plans == planned(attempts_per_question=3).plans
