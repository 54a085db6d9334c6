"""The expected share of reflections that is asked for, by hand and beside the simulation."""

from dataclasses import replace
from statistics import mean

import pytest

from benchmarks.reflections import ATTEMPTS, Case, asked
from sfray.config import TraceConfig
from sfray.config.settings import Demand
from sfray.costs.asked import DRAINING, Pool, share
from sfray.traces.recipes import RECIPES

POOL = Pool(attempts=64, right=0.25, each=1, variants=("plain", "plan", "restate", "check"))


def of(pool: Pool = POOL, probe: float = 0.0, **trace: object) -> float:
    return share([Demand(TraceConfig(**trace), "default", probe=probe)], pool)  # type: ignore[arg-type]


def test_every_recipe_that_is_lazy_is_known() -> None:
    assert {*DRAINING, "fixed_ratio"} == {name for name, recipe in RECIPES.items() if recipe.needs_only_drawn}


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        # 16 right, no wrong one beside them.
        ({"l_max": 1}, 16 / 64),
        # 8 traces of two right ones and a wrong one.
        ({"recipe": "fixed_ratio", "n_correct": 2, "n_incorrect": 1}, 24 / 64),
        # 48 wrong ones suffice for 12 traces of one right one and four.
        ({"recipe": "fixed_ratio", "n_correct": 1, "n_incorrect": 4}, 60 / 64),
        ({"recipe": "fixed_ratio", "n_correct": 1, "n_incorrect": 0}, 16 / 64),
        # U{0..1} wrong ones beside each right one.
        ({"recipe": "uniform", "l_max": 1}, 24 / 64),
        ({"recipe": "uniform", "l_max": 1, "repeats": 2}, (16 + 48 * (1 - (5 / 6) ** 2)) / 64),
        ({"l_max": 1, "variants": ["plain"]}, 4 / 64),
        ({"l_max": 1, "attempts_per_question": 32}, 8 / 64),
        ({"recipe": "my_lab.recipes:MINE", "attempts_per_question": 16}, 16 / 64),
    ],
    ids=str,
)
def test_by_hand(trace: dict, expected: float) -> None:
    assert of(**trace) == pytest.approx(expected)


def test_two_right_pairs_draw_a_wrong_one_in_every_fourth_case() -> None:
    # l_max 2: of n+ = 1 or 2, only 2 draws, one of U{0..1}.
    assert of(replace(POOL, attempts=8), l_max=2) == pytest.approx((2 + 1 / 4) / 8)


def test_attempts_that_need_one_reflection_need_all_of_them_where_it_depends_on_the_others() -> None:
    four = replace(POOL, each=4)
    some = of(four, recipe="uniform", l_max=1, reflections_per_attempt=1)
    assert some == pytest.approx(24 / 64)
    assert of(four, recipe="no_reflections") > of(four, recipe="algorithm1")


def test_recipes_share_the_right_pairs_and_the_probe_is_a_share_of_the_rest() -> None:
    each = 1 - (1 - 8 / 48) ** 2
    assert of(recipe="uniform+no_order", l_max=1) == pytest.approx((16 + 48 * each) / 64)
    traces = Demand(TraceConfig(l_max=1), "default")
    quality = Demand(replace(traces.trace, max_tokens=9), "", limited=False, probe=0.125)
    assert share([traces, quality], POOL) == pytest.approx((16 + 48 * 0.125) / 64)
    assert share([traces, quality], replace(POOL, each=4)) == pytest.approx((16 + 48 * 0.125 / 4) / 64)


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_nothing_or_everything_is_right(right: float) -> None:
    assert of(replace(POOL, right=right)) == right


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize("name", ["algorithm1", "uniform", "fixed_ratio"])
@pytest.mark.parametrize("right", [0.1, 0.25, 0.75])
def test_it_is_what_is_asked_for(name: str, right: float, each: int) -> None:
    trace = TraceConfig(recipe=name)
    simulated = mean(asked(Case(trace, right, each), number)[0] for number in range(12))
    assert of(Pool(ATTEMPTS, right, each), recipe=name) == pytest.approx(simulated, rel=0.25)
