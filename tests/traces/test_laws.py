"""Whole traces against the exact law of each recipe: which attempts, in which order, and which kind of glue.

The laws are worked out here by listing every draw that a recipe can make, from what its documentation says
and without its code.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction as F
from itertools import combinations, permutations, product

import pytest
from scipy.stats import chisquare

from sfray.config import TraceConfig
from sfray.prompts import load
from sfray.records import Question
from sfray.traces.build import Built, Workshop, build_question
from sfray.traces.pool import Candidate, Pools
from sfray.traces.recipes import recipe
from tests.traces.rows import attempt, reflection

DRAWS = 4_000
LOWEST = 0.0005
"""A p-value below it fails; the seeds are fixed, so a test that passes goes on passing."""

RARE = 5
"""Cells that expect fewer are counted together: a chi-square of them says little."""

L_MAX = 3
CORRECT = [attempt(0, True, "plain"), attempt(1, True, "plain"), attempt(2, True, "plan")]
WRONG = [attempt(0, False, "plan"), attempt(1, False, "restate"), attempt(2, False, "restate")]
ALL = [*CORRECT, *WRONG]
VARIANT = {a.id: a.variant for a in ALL}
RIGHT, OTHER = [a.id for a in CORRECT], [a.id for a in WRONG]
EVERY = [*RIGHT, *OTHER]
POOLS = Pools(*(tuple(Candidate(a, (reflection(a),)) for a in each) for each in (CORRECT, WRONG)))
QUESTION = Question(
    id="q", task="countdown", level="3", split="sft", text="Make 8.", gold=json.dumps({"numbers": [3, 5], "target": 8})
)

Order = tuple[str, ...]
Law = dict[Order, F]


def equally(orders: Iterable[Order], share: F = F(1)) -> Law:
    """Every order of the list as likely; one that is listed twice is twice as likely."""
    listed = list(orders)
    return {order: share * F(count, len(listed)) for order, count in Counter(listed).items()}


def mixed(*laws: Law) -> Law:
    """The sum of laws that have shares already."""
    total: Counter[Order] = Counter()
    for law in laws:
        for order, share in law.items():
            total[order] += share  # type: ignore[assignment]
    return dict(total)  # type: ignore[arg-type]


def without(*ids: str) -> list[str]:
    return [i for i in EVERY if i not in ids]


def ending(lasts: Sequence[str], n: int, distinct: bool) -> Law:
    """One of ``lasts`` at the end; before it any others, or one attempt each of other variants."""
    return mixed(*(equally(_before(last, n - 1, distinct), F(1, len(lasts))) for last in lasts))


def _before(last: str, n: int, distinct: bool) -> Iterator[Order]:
    if not distinct:
        yield from ((*before, last) for before in permutations(without(last), n))
        return
    of = {v: [i for i in EVERY if VARIANT[i] == v] for v in sorted(set(VARIANT.values()) - {VARIANT[last]})}
    # As many copies of each choice of attempts as make the choices of variants equally likely.
    most = max(map(len, of.values()))
    for variants in permutations(of, n):
        choices = list(product(*(of[v] for v in variants)))
        yield from ((*before, last) for before in choices * (most**n // len(choices)))


def back_to_correct(n: int) -> Law:
    return equally(
        (*order, wrong)
        for right, wrong in product(RIGHT, OTHER)
        for between in combinations(without(right, wrong), n - 2)
        for order in permutations((right, *between))
    )


def last_two(n: int) -> Law:
    return equally(
        (*before, *last) for last in permutations(RIGHT, 2) for before in permutations(without(*last), n - 2)
    )


def drained(numbers: dict[tuple[int, int], F], correct_last: bool = True) -> Law:
    """The first trace of a pass, by its numbers of correct and of incorrect attempts."""
    return mixed(*(equally(_shuffled(right, wrong, correct_last), share) for (right, wrong), share in numbers.items()))


def _shuffled(right: int, wrong: int, correct_last: bool) -> Iterator[Order]:
    for chosen, others in product(combinations(RIGHT, right), combinations(OTHER, wrong)):
        orders = permutations((*chosen, *others))
        yield from (order for order in orders if not correct_last or order[-1] in RIGHT)


def numbers(wrong_up_to: Callable[[int], int]) -> dict[tuple[int, int], F]:
    """``n+`` uniform on 1 … ``l_max``, ``n-`` uniform on 0 … a bound; both pools suffice."""
    return {
        (n, wrong): F(1, L_MAX * (wrong_up_to(n) + 1))
        for n in range(1, L_MAX + 1)
        for wrong in range(wrong_up_to(n) + 1)
    }


def each_length(lasts: Sequence[str], distinct: bool) -> list[Law]:
    return [ending(lasts, n, distinct) for n in range(1, L_MAX + 1)]


ALGORITHM1, UNIFORM = drained(numbers(lambda n: n - 1)), numbers(lambda _: L_MAX)
LAWS: dict[tuple[str, bool], list[Law]] = {
    ("algorithm1", False): [ALGORITHM1],
    ("no_reflections", False): [ALGORITHM1],
    ("shuffled_verdicts", False): [ALGORITHM1],
    ("uniform", False): [drained(UNIFORM)],
    ("no_order", False): [drained(UNIFORM, correct_last=False)],
    ("fixed_ratio", False): [drained({(2, 1): F(1)})],
    ("one_correct", False): [equally((i,) for i in RIGHT)],
    ("last_correct", False): [ending(RIGHT, L_MAX, False)],
    ("last_correct", True): [ending(RIGHT, L_MAX, True)],
    ("each_length", False): each_length(RIGHT, False),
    ("each_length", True): each_length(RIGHT, True),
    ("each_length_without_reflections", False): each_length(RIGHT, False),
    ("each_length_without_reflections", True): each_length(RIGHT, True),
    ("random", False): each_length(EVERY, False),
    ("random", True): each_length(EVERY, True),
    ("back_to_correct", False): [back_to_correct(L_MAX)],
    ("back_to_correct", True): [back_to_correct(L_MAX)],
    ("last_two_correct", False): [last_two(L_MAX)],
    ("last_two_correct", True): [last_two(L_MAX)],
}
"""Recipe, ``trace.distinct_variants`` -> the law of each of its first traces."""


def agreement(seen: Counter, law: dict) -> float:
    """P-value of what was seen under a law; 0 where nothing was, or something that the law excludes."""
    assert sum(law.values()) == 1
    if not seen or not set(seen) <= {key for key, share in law.items() if share}:
        return 0.0
    total = sum(seen.values())
    expected = {key: float(share * total) for key, share in law.items()}
    cells = [(seen[key], count) for key, count in sorted(expected.items()) if count >= RARE]
    rare = [(seen[key], count) for key, count in expected.items() if 0 < count < RARE]
    if rare:
        cells.append((sum(had for had, _ in rare), sum(count for _, count in rare)))
    return float(chisquare(*zip(*cells, strict=True)).pvalue) if len(cells) > 1 else 1.0


def reduced(law: Law, measure: Callable[[Order], object]) -> dict:
    """The law of what is read off a trace."""
    shares: Counter = Counter()
    for order, share in law.items():
        shares[measure(order)] += share  # type: ignore[assignment]
    return dict(shares)


def mix(order: Order) -> tuple[int, int]:
    right = sum(i in RIGHT for i in order)
    return right, len(order) - right


def variants(order: Order) -> Order:
    return tuple(VARIANT[i] for i in order)


@pytest.mark.parametrize(("name", "distinct"), sorted(LAWS))
def test_attempts_variants_and_numbers_have_the_law_of_the_recipe(name: str, distinct: bool) -> None:
    config = TraceConfig(l_max=L_MAX, distinct_variants=distinct, n_correct=2, n_incorrect=1)
    rng = random.Random(f"{name} {distinct}")
    drawn = [recipe(name).plans(POOLS, config, rng) for _ in range(DRAWS)]
    for place, law in enumerate(LAWS[name, distinct]):
        seen = Counter(tuple(step.attempt.id for step in plans[place].steps) for plans in drawn)
        assert agreement(seen, law) > LOWEST
        for measure in (mix, variants):
            assert agreement(Counter(measure(order) for order in seen.elements()), reduced(law, measure)) > LOWEST


@pytest.mark.parametrize("name", ["last_correct", "back_to_correct", "last_two_correct"])
def test_with_response_counts_every_length_is_as_likely_and_has_its_own_law(name: str) -> None:
    law_of: dict[str, Callable[[int], Law]] = {
        "last_correct": lambda n: ending(RIGHT, n, False),
        "back_to_correct": back_to_correct,
        "last_two_correct": last_two,
    }
    law = mixed(*({o: p / 2 for o, p in law_of[name](n).items()} for n in (2, 3)))
    config = TraceConfig(l_max=3, sampling_response_counts=True, repeats=DRAWS)
    plans = recipe(name).plans(POOLS, config, random.Random(name))
    assert agreement(Counter(tuple(step.attempt.id for step in plan.steps) for plan in plans), law) > LOWEST


PROMPTS = load()


def built(name: str, **changes: object) -> Built:
    """Many traces of the question, with their words."""
    config = replace(TraceConfig(recipe=name, l_max=L_MAX, repeats=1_000, max_tokens=100_000), **changes)
    shop = Workshop(config, 11, PROMPTS, lambda p, t: len(p) + len(t))
    return build_question(QUESTION, ALL, [reflection(a) for a in ALL], shop)


def glue(text: str) -> list[str]:
    """The phrases between the attempts of a trace."""
    thinking = re.sub(r"(?s)<reflect>.*?</reflect>", "", text.partition("</think>")[0])
    return [part.strip() for part in re.split(r"(?s)<sample>.*?</sample>", thinking)[1:-1]]


@pytest.mark.parametrize("name", ["algorithm1", "last_correct", "each_length", "back_to_correct", "random"])
@pytest.mark.parametrize("correct", [True, False])
def test_glue_is_any_phrase_that_fits_the_attempt_before_it(name: str, correct: bool) -> None:
    own = "correct" if correct else "incorrect"
    fitting = [*PROMPTS.glue[own], *PROMPTS.glue["generic"]]
    seen: Counter[str] = Counter()
    for trace in built(name).traces:
        phrases = zip(trace.attempts, glue(trace.text), strict=False)
        seen.update(phrase for before, phrase in phrases if (before in RIGHT) == correct)
    assert agreement(seen, dict.fromkeys(fitting, F(1, len(fitting)))) > LOWEST
    share = F(len(PROMPTS.glue[own]), len(fitting))
    kinds = Counter("own" if phrase in PROMPTS.glue[own] else "generic" for phrase in seen.elements())
    assert agreement(kinds, {"own": share, "generic": 1 - share}) > LOWEST


@pytest.mark.parametrize("name", ["no_reflections", "each_length_without_reflections"])
def test_without_reflections_glue_is_any_generic_phrase(name: str) -> None:
    generic = PROMPTS.glue["generic"]
    seen = Counter(phrase for trace in built(name).traces for phrase in glue(trace.text))
    assert agreement(seen, dict.fromkeys(generic, F(1, len(generic)))) > LOWEST


def test_every_valid_reflection_of_an_attempt_is_as_likely() -> None:
    reflections = [reflection(CORRECT[0], k) for k in range(4)]
    pools = Pools((Candidate(CORRECT[0], tuple(reflections)),), ())
    plans = recipe("one_correct").plans(pools, TraceConfig(repeats=DRAWS), random.Random(5))
    seen = Counter(plan.steps[0].reflection.id for plan in plans if plan.steps[0].reflection)
    assert agreement(seen, {r.id: F(1, 4) for r in reflections}) > LOWEST
