"""Drawing again under a limit keeps the recipe's law, restricted to what fits."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction as F
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from sfray.config import TraceConfig
from sfray.traces.drawing import MAX_DRAWS, Drawn, fitting, whole
from sfray.traces.plan import Plan, Step
from sfray.traces.recipes import RECIPES, recipe
from tests.traces.rows import attempt, pools, reflection

DRAWS = 4_000
Law = dict[tuple[int, int], F]


def plan(shape: str) -> Plan:
    attempts = [attempt(i, letter == "C") for i, letter in enumerate(shape)]
    return Plan(tuple(Step(a, reflection(a)) for a in attempts))


def mix(drawn: Plan) -> tuple[int, int]:
    return drawn.shape.count("C"), drawn.shape.count("I")


def at_most(steps: int) -> Callable[[Plan], Plan | None]:
    """A limit that every pair is as far under as any other."""
    return lambda drawn: drawn if len(drawn.steps) <= steps else None


def test_the_first_draw_that_fits_is_kept_and_the_first_of_all_is_remembered() -> None:
    shapes = iter([plan("CC"), plan("ICC"), plan("C"), plan("C")])
    drawn = fitting(lambda: next(shapes), at_most(1))
    assert drawn is not None
    assert (drawn.first.shape, drawn.plan.shape, drawn.made, drawn.draws) == ("CC", "C", drawn.plan, 3)


def test_what_never_fits_is_given_up() -> None:
    shapes = iter([plan("CC")] + [plan("ICC")] * MAX_DRAWS)
    assert fitting(lambda: next(shapes), at_most(1)) == Drawn(plan("CC"), plan("ICC"), None, MAX_DRAWS)


def test_nothing_is_drawn_from_pools_that_do_not_suffice() -> None:
    assert fitting(lambda: None, whole) is None


def algorithm1_law(l_max: int, correct: int, incorrect: int) -> Law:
    """(n+, n-) of the first trace, by the definition of Algorithm 1."""
    law: Law = Counter()  # type: ignore[assignment]
    for u in range(1, l_max + 1):
        right = min(u, correct)
        for v in range(right):
            law[right, min(v, incorrect)] += F(1, l_max * right)
    return law


def uniform_law(l_max: int, correct: int, incorrect: int) -> Law:
    law: Law = Counter()  # type: ignore[assignment]
    for u, v in product(range(1, l_max + 1), range(l_max + 1)):
        law[min(u, correct), min(v, incorrect)] += F(1, l_max * (l_max + 1))
    return law


def counts_law(l_max: int, correct: int, incorrect: int) -> Law:
    """``*C`` with ``sampling_response_counts``, of pools of as many correct as incorrect attempts, by enumeration."""
    law: Law = Counter()  # type: ignore[assignment]
    others = ["C"] * (correct - 1) + ["I"] * incorrect
    for n in range(2, l_max + 1):
        ways = Counter(order[: n - 1].count("C") for order in _arrangements(others, n - 1))
        for right, count in ways.items():
            law[right + 1, n - 1 - right] += F(count, (l_max - 1) * sum(ways.values()))
    return law


def _arrangements(letters: list[str], n: int) -> list[tuple[str, ...]]:
    if n == 0:
        return [()]
    return [(a, *rest) for i, a in enumerate(letters) for rest in _arrangements(letters[:i] + letters[i + 1 :], n - 1)]


def restricted(law: Law, fits: Callable[[tuple[int, int]], bool]) -> Law:
    """A law given that something fits."""
    inside = {key: p for key, p in law.items() if fits(key)}
    return {key: p / sum(inside.values()) for key, p in inside.items()}


LOWEST = 0.0005
"""A p-value that only a wrong law falls below."""


def agreement(seen: Counter[tuple[int, int]], law: Law) -> float:
    """P-value of what was seen under a law; 0 where nothing was, or something that the law excludes."""
    keys = sorted(key for key, p in law.items() if p)
    if not seen or not set(seen) <= set(keys):
        return 0.0
    total = sum(seen.values())
    expected = [float(law[k] * total) for k in keys]
    return float(chisquare([seen[k] for k in keys], expected).pvalue) if len(keys) > 1 else 1.0


LAWS = {"algorithm1": algorithm1_law, "uniform": uniform_law, "last_correct": counts_law}


@pytest.mark.parametrize("name", sorted(LAWS))
@pytest.mark.parametrize("limit", [2, 3, 4, 9])
def test_where_pairs_are_alike_the_law_is_restricted_to_the_numbers_that_fit(name: str, limit: int) -> None:
    made, config = pools(4, 4), TraceConfig(l_max=4, sampling_response_counts=True)
    rng = random.Random(f"{name} {limit}")
    first = [recipe(name).draw(made, config, rng, at_most(limit))[0] for _ in range(DRAWS)]
    law = LAWS[name](4, 4, 4)
    assert agreement(Counter(mix(d.first) for d in first), law) > LOWEST
    assert (
        agreement(Counter(mix(d.plan) for d in first if d.made), restricted(law, lambda key: sum(key) <= limit))
        > LOWEST
    )


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 4), st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(4, 24), st.integers(0, 2**32)
)
def test_where_lengths_differ_a_kept_trace_is_a_drawn_one_given_that_it_fits(
    l_max: int, lengths: list[int], limit: int, seed: int
) -> None:
    """The same recipe without a limit, of which only what fits is looked at, is the law to compare with."""
    made, config = pools(len(lengths), len(lengths)), TraceConfig(l_max=l_max)
    rng = random.Random(seed)

    def size(drawn: Plan) -> int:
        return sum(lengths[step.attempt.sample] for step in drawn.steps)

    def make(drawn: Plan) -> Plan | None:
        return drawn if size(drawn) <= limit else None

    chosen = recipe("algorithm1")
    free = [chosen.draw(made, config, rng, whole)[0].plan for _ in range(2_000)]
    fits = Counter(mix(p) for p in free if size(p) <= limit)
    kept = Counter(mix(d.plan) for _ in range(1_000) if (d := chosen.draw(made, config, rng, make)[0]).made)
    keys = sorted(k for k in fits.keys() | kept.keys() if fits[k] + kept[k] >= 20)
    if len(keys) > 1 and sum(fits.values()) > 300:
        table = [[fits[k] for k in keys], [kept[k] for k in keys]]
        assert chi2_contingency(table).pvalue > 1e-5


@given(st.sampled_from(sorted(RECIPES)), st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(0, 2**32))
def test_every_recipe_ends_and_keeps_the_limit(name: str, right: int, wrong: int, limit: int, seed: int) -> None:
    made, config = pools(right, wrong, reflections=2), TraceConfig(l_max=3)
    drawn = recipe(name).draw(made, config, random.Random(seed), at_most(limit))
    for each in drawn:
        assert (each.made is not None) == (len(each.plan.steps) <= limit)
        assert each.draws == MAX_DRAWS or each.made is not None
        ids = [step.attempt.id for step in each.plan.steps]
        assert len(set(ids)) == len(ids), "an attempt is in a trace twice"


def test_incorrect_attempts_are_not_what_the_limit_takes_first() -> None:
    """Five pairs of 800 tokens each in 4,096: the old rule left 15 % of the traces with an incorrect attempt."""
    law = restricted(algorithm1_law(5, 9, 9), lambda key: sum(key) <= 5)
    made, config, rng = pools(9, 9), TraceConfig(l_max=5), random.Random(7)
    first = [recipe("algorithm1").draw(made, config, rng, at_most(5))[0] for _ in range(DRAWS)]
    share = sum(mix(d.plan)[1] > 0 for d in first) / DRAWS
    expected = float(sum(p for (_, wrong), p in law.items() if wrong))
    assert expected == pytest.approx(0.383, abs=0.001)
    assert share == pytest.approx(expected, abs=0.025)
