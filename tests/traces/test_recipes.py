"""Recipes: invariants by property, and the distribution of trace shapes against hand computation."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction as F
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from sfray.config import TraceConfig
from sfray.traces.drawing import Drawn, Make, fitting
from sfray.traces.plan import Closing, Plan, Step
from sfray.traces.pool import Candidate, Pools
from sfray.traces.recipes import RECIPES, Recipe, problems, recipe, require
from tests.traces.rows import attempt, pools, reflection

DRAWS = 10_000

sizes = st.integers(0, 7)


def plans(name: str, correct: int, incorrect: int, seed: int = 0, **config: object) -> list:
    made = pools(correct, incorrect, variants=config.pop("pool_variants", 1), reflections=config.pop("each", 1))
    return recipe(name).plans(made, replace(TraceConfig(), **config), random.Random(seed))


@given(sizes, sizes, st.integers(1, 6), st.integers(0, 2**32))
def test_algorithm1_keeps_its_bounds(correct: int, incorrect: int, l_max: int, seed: int) -> None:
    made = plans("algorithm1", correct, incorrect, seed, l_max=l_max)
    for plan in made:
        right, wrong = plan.shape.count("C"), plan.shape.count("I")
        assert 1 <= right <= l_max
        assert wrong <= right - 1
        assert plan.shape[-1] == "C"
        assert plan.closing is Closing.NONE
    used = [step.reflection.id for plan in made for step in plan.steps]
    assert len(used) == len(set(used)), "a pair was drawn twice"
    assert sum(p.shape.count("C") for p in made) == correct, "the loop ends when no correct pair is left"


@given(st.sampled_from(sorted(RECIPES)), sizes, sizes, st.integers(2, 5), st.booleans(), st.integers(0, 2**32))
def test_every_recipe_is_sound(name: str, correct: int, incorrect: int, l_max: int, distinct: bool, seed: int) -> None:
    config = {"l_max": l_max, "distinct_variants": distinct, "pool_variants": 4}
    made = plans(name, correct, incorrect, seed, **config)
    assert made == plans(name, correct, incorrect, seed, **config)
    for plan in made:
        attempts = [step.attempt for step in plan.steps]
        assert len({a.id for a in attempts}) == len(attempts)
        if distinct and name not in ("back_to_correct", "last_two_correct"):
            assert len({a.variant for a in attempts}) == len(attempts)
        assert all(
            (s.reflection is None) == name.endswith(("no_reflections", "without_reflections")) for s in plan.steps
        )
        reflected = [s.reflection.attempt_id for s in plan.steps if s.reflection]
        own = [s.attempt.id for s in plan.steps if s.reflection]
        assert (sorted(reflected) == sorted(own)) if name == "shuffled_verdicts" else (reflected == own)
        if recipe(name).ends_correct:
            assert plan.steps[plan.final].correct


@given(sizes, sizes, st.integers(1, 4), st.integers(0, 4), st.integers(0, 2**32))
def test_fixed_ratio_uses_up_the_smaller_pool(correct: int, incorrect: int, right: int, wrong: int, seed: int) -> None:
    made = plans("fixed_ratio", correct, incorrect, seed, n_correct=right, n_incorrect=wrong)
    assert len(made) == min(correct // right, incorrect // wrong if wrong else correct // right)
    assert all((p.shape.count("C"), p.shape.count("I"), p.shape[-1]) == (right, wrong, "C") for p in made)


# Shape distributions, computed by hand: the shapes of all traces of a question, joined by spaces,
# so that the depletion of the pools is tested too.
SHAPES = {
    # |Y+| = 2, |Y-| = 1, l_max = 2. n+ = 1 (1/2): then n- = 0, and one correct pair is left, which comes
    # alone (its n+ is 1 whatever is drawn). n+ = 2: n- = 0 or 1; with 1, both orders of what is shuffled.
    "algorithm1": (
        (2, 1, {"l_max": 2}),
        {"C C": F(1, 2), "CC": F(1, 4), "ICC": F(1, 8), "CIC": F(1, 8)},
    ),
    # |Y+| = 1, |Y-| = 2, l_max = 2: n- is 0, 1 or 2.
    "uniform": ((1, 2, {"l_max": 2}), {"C": F(1, 3), "IC": F(1, 3), "IIC": F(1, 3)}),
    "no_reflections": (
        (2, 1, {"l_max": 2}),
        {"C C": F(1, 2), "CC": F(1, 4), "ICC": F(1, 8), "CIC": F(1, 8)},
    ),
    "shuffled_verdicts": (
        (2, 1, {"l_max": 2}),
        {"C C": F(1, 2), "CC": F(1, 4), "ICC": F(1, 8), "CIC": F(1, 8)},
    ),
    # As uniform, then every place is as likely for the correct one.
    "no_order": (
        (1, 2, {"l_max": 2}),
        {"C": F(1, 3), "IC": F(1, 6), "CI": F(1, 6), "IIC": F(1, 9), "ICI": F(1, 9), "CII": F(1, 9)},
    ),
    # One of the two correct comes last, the other has three places.
    "fixed_ratio": (
        (2, 2, {"n_correct": 2, "n_incorrect": 2}),
        {"CIIC": F(1, 3), "ICIC": F(1, 3), "IICC": F(1, 3)},
    ),
    # Of the pool C C I I one correct is last; two of C I I stand before it, in any order.
    "last_correct": (
        (2, 2, {"l_max": 3}),
        {"CIC": F(1, 3), "ICC": F(1, 3), "IIC": F(1, 3)},
    ),
    # Length 1, then length 2: before the last there is one of C I I.
    "each_length": ((2, 2, {"l_max": 2}), {"C CC": F(1, 3), "C IC": F(2, 3)}),
    "each_length_without_reflections": ((2, 2, {"l_max": 2}), {"C CC": F(1, 3), "C IC": F(2, 3)}),
    # Length 1: C with 1/3. Length 2: an ordered pair of C I I.
    "random": (
        (1, 2, {"l_max": 2}),
        {f"{a} {b}": F(1 + (a == "I"), 3) * F(1, 3) for a in "CI" for b in ("CI", "IC", "II")},
    ),
    # C C I I, three attempts: one I last; before it one C for sure and one of C I, in any order.
    "back_to_correct": (
        (2, 2, {"l_max": 3}),
        {"CCI": F(1, 2), "CII": F(1, 4), "ICI": F(1, 4)},
    ),
    # C C C I, three attempts: two C last, before them one of C I.
    "last_two_correct": ((3, 1, {"l_max": 3}), {"CCC": F(1, 2), "ICC": F(1, 2)}),
}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_shapes_are_distributed_as_computed_by_hand(name: str) -> None:
    (correct, incorrect, config), expected = SHAPES[name]
    assert sum(expected.values()) == 1
    settings = replace(TraceConfig(), **config)
    rng = random.Random(20_251)
    made = pools(correct, incorrect)
    seen = Counter(" ".join(p.shape for p in recipe(name).plans(made, settings, rng)) for _ in range(DRAWS))
    assert set(seen) == set(expected)
    order = sorted(expected)
    _, p_value = chisquare([seen[s] for s in order], [float(expected[s] * DRAWS) for s in order])
    assert p_value > 0.001


def test_no_reflections_are_the_traces_of_algorithm1_without_them() -> None:
    whole, bare = plans("algorithm1", 4, 4, seed=3), plans("no_reflections", 4, 4, seed=3)
    assert [[s.attempt for s in p.steps] for p in whole] == [[s.attempt for s in p.steps] for p in bare]


def test_shuffled_verdicts_are_dealt_to_the_attempts_of_their_trace_in_every_order_alike() -> None:
    rng = random.Random(6)
    made = pools(2, 1)
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(DRAWS):
        for plan in recipe("shuffled_verdicts").plans(made, TraceConfig(l_max=2), rng):
            if plan.shape in ("ICC", "CIC"):
                own = [step.attempt.id for step in plan.steps]
                seen[tuple(own.index(step.reflection.attempt_id) for step in plan.steps if step.reflection)] += 1
    assert set(seen) == set(permutations(range(3)))
    assert chisquare(list(seen.values())).pvalue > 0.001


def test_one_correct_has_one_shape_and_every_attempt_is_as_likely() -> None:
    rng = random.Random(1)
    made = pools(4, 2)
    drawn = [recipe("one_correct").plans(made, TraceConfig(), rng) for _ in range(DRAWS)]
    assert {tuple(p.shape for p in plans) for plans in drawn} == {("C",)}
    seen = Counter(plans[0].steps[0].attempt.answer for plans in drawn)
    assert sorted(seen) == ["C0", "C1", "C2", "C3"]
    assert chisquare(list(seen.values())).pvalue > 0.001


def test_every_correct_pair_is_as_likely_to_be_last() -> None:
    rng = random.Random(2)
    made = pools(3, 2)
    config = TraceConfig(recipe="fixed_ratio", n_correct=3, n_incorrect=2)
    seen = Counter(recipe("fixed_ratio").plans(made, config, rng)[0].steps[-1].attempt.answer for _ in range(DRAWS))
    assert sorted(seen) == ["C0", "C1", "C2"]
    assert chisquare(list(seen.values())).pvalue > 0.001


def test_repeats_start_from_full_pools() -> None:
    assert [p.shape for p in plans("one_correct", 1, 0, repeats=3)] == ["C", "C", "C"]
    assert sum(p.shape.count("C") for p in plans("algorithm1", 4, 2, repeats=3)) == 12


def test_pairs_are_attempts_times_reflections_unless_limited() -> None:
    whole = plans("algorithm1", 2, 0, each=3)
    assert sum(len(p.steps) for p in whole) == 6
    limited = plans("algorithm1", 2, 0, each=3, reflections_per_attempt=1)
    assert sorted(s.attempt.answer for p in limited for s in p.steps) == ["C0", "C1"]


def test_lengths_that_the_pools_do_not_have_are_left_out() -> None:
    assert [len(p.steps) for p in plans("each_length", 2, 1, l_max=5)] == [1, 2, 3]
    assert plans("last_correct", 2, 1, l_max=5) == []
    assert plans("last_two_correct", 1, 5, l_max=2) == []
    assert plans("back_to_correct", 5, 0, l_max=2) == []
    assert plans("algorithm1", 0, 5) == []


def test_distinct_variants_bound_the_length() -> None:
    made = plans("each_length", 8, 8, l_max=5, distinct_variants=True, pool_variants=4)
    assert [len(p.steps) for p in made] == [1, 2, 3, 4]


def candidates(*named: tuple[str, int], correct: bool) -> tuple[Candidate, ...]:
    attempts = [attempt(number, correct, variant) for variant, number in named]
    return tuple(Candidate(a, (reflection(a),)) for a in attempts)


@pytest.mark.parametrize("name", ["back_to_correct", "last_two_correct"])
def test_these_formats_ignore_distinct_variants(name: str) -> None:
    drawn = [plans(name, 3, 2, seed=5, l_max=3, distinct_variants=distinct) for distinct in (False, True)]
    assert drawn[0] == drawn[1] != []


def test_with_distinct_variants_it_is_variants_that_are_drawn() -> None:
    # Three attempts of plan and one of restate: each variant comes first as often, and each of plan's a third of it.
    made = Pools(
        candidates(("plain", 0), correct=True),
        candidates(("plan", 0), ("plan", 1), ("plan", 2), ("restate", 3), correct=False),
    )
    config = TraceConfig(l_max=2, distinct_variants=True)
    rng = random.Random(3)
    drawn = [recipe("last_correct").plans(made, config, rng)[0].steps for _ in range(DRAWS)]
    seen = Counter(str(steps[0].attempt.answer) for steps in drawn)
    expected = {"I0": F(1, 6), "I1": F(1, 6), "I2": F(1, 6), "I3": F(1, 2)}
    assert set(seen) == set(expected)
    assert chisquare([seen[s] for s in expected], [float(p * DRAWS) for p in expected.values()]).pvalue > 0.001


@pytest.mark.parametrize("name", ["last_correct", "back_to_correct", "last_two_correct"])
def test_response_counts_are_drawn_from_two_to_l_max(name: str) -> None:
    made = plans(name, 4, 4, l_max=4, repeats=3000, sampling_response_counts=True)
    seen = Counter(len(p.steps) for p in made)
    assert sorted(seen) == [2, 3, 4]
    assert chisquare(list(seen.values())).pvalue > 0.001


def test_response_counts_leave_the_full_formats_alone() -> None:
    assert plans("each_length", 4, 4, sampling_response_counts=True) == plans("each_length", 4, 4)


def test_several_recipes_in_one_set() -> None:
    made = plans("0C+*C*IC + *CC", 4, 4, l_max=3)
    assert [p.recipe for p in made] == ["one_correct", "back_to_correct", "last_two_correct"]
    assert [len(p.steps) for p in made] == [1, 3, 3]
    assert made[1].without_reflections().recipe == "back_to_correct"
    both = recipe("random+*CC")
    assert (both.name, both.ends_correct, both.min_l_max) == ("random+last_two_correct", False, 2)


def test_a_recipe_of_a_set_is_named_once() -> None:
    with pytest.raises(ValueError, match=r"^trace\.recipe: '0C\+one_correct' names a recipe twice"):
        recipe("0C+one_correct")
    with pytest.raises(ValueError, match=r"^trace\.recipe: no recipe ''"):
        recipe("0C+")


def test_a_hinted_twin_is_of_the_same_variant() -> None:
    right, twin = attempt(0, True), attempt(0, False, id="q/plain+hint/0", hinted=True)
    made = Pools((Candidate(right, (reflection(right),)),), (Candidate(twin, (reflection(twin),)),))
    shapes = {
        distinct: [
            p.shape
            for p in recipe("each_length").plans(
                made, TraceConfig(l_max=2, distinct_variants=distinct), random.Random(0)
            )
        ]
        for distinct in (False, True)
    }
    assert shapes == {False: ["C", "IC"], True: ["C"]}


def test_backtrack_goes_to_the_last_correct_attempt() -> None:
    (plan,) = plans("back_to_correct", 2, 2, l_max=4)
    assert plan.closing is Closing.BACKTRACK
    assert plan.shape[-1] == "I"
    assert plan.final == plan.shape.rindex("C")


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("0C", "one_correct"),
        ("*C", "last_correct"),
        ("*C_full", "each_length"),
        ("*C*IC", "back_to_correct"),
        ("*CC", "last_two_correct"),
        ("no_reflections", "no_reflections"),
        ("algorithm1", "algorithm1"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    assert recipe(alias).name == name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("zero_c", "one_correct"),
        ("star_c", "last_correct"),
        ("star_c_full", "each_length"),
        ("star_c_ic", "back_to_correct"),
        ("star_cc", "last_two_correct"),
        ("no_reflection", "each_length_without_reflections"),
    ],
)
def test_a_former_name_is_refused_with_the_present_one(old: str, new: str) -> None:
    assert recipe(new).name == new
    for name in (old, f"algorithm1+{old}"):
        assert list(problems(TraceConfig(recipe=name))) == [f"trace.recipe: {old!r} is called {new!r} now"]


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^trace\.recipe: no recipe 'algoritm1'; did you mean 'algorithm1'\?$"):
        recipe("algoritm1")


def shortest(pools: Pools, config: TraceConfig, rng: random.Random, make: Make) -> list[Drawn]:
    """One trace of one correct attempt."""
    found = [fitting(lambda c=c: Plan((Step(c.attempt, c.reflections[0]),)), make) for c in pools.correct[:1]]
    return [one for one in found if one is not None]


SHORTEST = Recipe("shortest", shortest)
CLASHING = Recipe("uniform", shortest)
UNNAMEABLE = Recipe("short+est", shortest)


def test_a_recipe_from_elsewhere() -> None:
    name = f"{__name__}:SHORTEST"
    assert recipe(name) is SHORTEST
    assert [p.shape for p in plans(name, 3, 3)] == ["C"]
    together = recipe(f"0C+{name}")
    assert together.name == "one_correct+shortest"
    assert [p.recipe for p in plans(f"0C+{name}", 3, 3)] == ["one_correct", "shortest"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CLASHING", "{0} calls itself 'uniform', as one of sfray's own does; rename it"),
        ("UNNAMEABLE", "{0} calls itself 'short+est'; letters, digits and '_' are allowed"),
        ("shortest", "{0} must be an instance of sfray.traces.recipes.Recipe, not a function"),
        ("SHORTES", "module tests.traces.test_recipes has no 'SHORTES'; did you mean 'SHORTEST'?"),
    ],
)
def test_a_recipe_from_elsewhere_that_cannot_be_used(name: str, message: str) -> None:
    full = f"{__name__}:{name}"
    assert list(problems(TraceConfig(recipe=full))) == [f"trace.recipe: {message.format(full)}"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, []),
        ({"recipe": "*CC", "l_max": 1}, ["trace.l_max: 1 is too few for recipe last_two_correct; at least 2"]),
        (
            {"recipe": "fixed_ratio", "n_correct": 0},
            ["trace.n_correct: 0 must be at least 1: a trace ends in a correct pair"],
        ),
        (
            {"recipe": "0C+fixed_ratio", "n_correct": 0},
            ["trace.n_correct: 0 must be at least 1: a trace ends in a correct pair"],
        ),
        (
            {"l_max": 1, "sampling_response_counts": True},
            ["trace.l_max: 1 is too few for trace.sampling_response_counts; at least 2"],
        ),
        ({"n_incorrect": -1}, ["trace.n_incorrect: -1 must be 0 or more"]),
        ({"variants": []}, ["trace.variants: an empty list leaves no attempts; null uses all"]),
        ({"max_per_question": 0}, ["trace.max_per_question: 0 must be at least 1, or null"]),
        ({"subsample_size": 0}, ["trace.subsample_size: 0 must be at least 1, or null"]),
        ({"attempts_per_question": 0}, ["trace.attempts_per_question: 0 must be at least 1, or null"]),
        ({"reflections_per_attempt": 0}, ["trace.reflections_per_attempt: 0 must be at least 1, or null"]),
        (
            {"distinct_variants": True, "variants": ["plain"]},
            ["trace.distinct_variants: with one variant in trace.variants no trace can hold two attempts"],
        ),
    ],
)
def test_problems(config: dict, expected: list[str]) -> None:
    assert list(problems(replace(TraceConfig(), **config))) == expected


def test_problems_of_an_unknown_recipe() -> None:
    (line,) = problems(TraceConfig(recipe="x"))
    assert line.startswith("trace.recipe: no recipe 'x'; there are algorithm1, uniform")


def test_require_names_everything_at_once() -> None:
    assert require(TraceConfig(recipe="0C")).name == "one_correct"
    with pytest.raises(ValueError, match=r"^trace\.l_max: 1 is too few.*\ntrace\.max_per_question: 0 must be"):
        require(TraceConfig(recipe="*CC", l_max=1, max_per_question=0))


def test_every_recipe_has_a_config_and_a_line_in_the_documentation() -> None:
    root = Path(__file__).parents[2]
    configs = {p.stem for p in (root / "conf" / "trace").glob("*.yaml")}
    assert configs == {*RECIPES, "no_diversity"}
    documented = (root / "docs" / "recipes.md").read_text()
    assert [name for name in RECIPES if f"| `{name}`" not in documented] == []
