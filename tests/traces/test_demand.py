"""The traces of a few reflections are those of all, trace by trace and so in law."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from benchmarks.reflections import ATTEMPTS, Case, asked
from sfray import seeds
from sfray.config import TraceConfig
from sfray.prompts import load
from sfray.records import Attempt, Question, Reflection, Trace
from sfray.traces.build import Workshop, build_question
from sfray.traces.demand import Pending, in_probe, missing, on
from sfray.traces.recipes import RECIPES, recipe
from tests.traces.rows import VARIANTS, attempt, reflection

PROMPTS = load()
QUESTION = Question(
    id="q", task="countdown", level="3", split="sft", text="Make 8.", gold=json.dumps({"numbers": [3, 5], "target": 8})
)
LAZY = sorted(name for name, one in RECIPES.items() if one.needs_only_drawn)


def workshop(seed: int = 0, **trace: object) -> Workshop:
    config = replace(TraceConfig(l_max=3, max_tokens=100_000), **trace)  # type: ignore[arg-type]
    return Workshop(config, seed, PROMPTS, lambda prompt, text: len((prompt + text).split()))


def sampled(correct: int, incorrect: int, variants: int = 1) -> list[Attempt]:
    """Attempts of texts of different lengths, so that some traces fit a limit and some do not."""
    made = [attempt(i, True, VARIANTS[i % variants]) for i in range(correct)]
    made += [attempt(i, False, VARIANTS[i % variants]) for i in range(incorrect)]
    return [replace(a, text=f"{a.text} {'and ' * (i * 7 % 13)}") for i, a in enumerate(made)]


Truth = dict[str, Reflection]
"""Id of every possible reflection -> what the model would say."""


def said(attempts: list[Attempt], each: int, valid: list[bool]) -> Truth:
    rows = [reflection(a, k) for a in attempts for k in range(each)]
    return {r.id: replace(r, valid=v) for r, v in zip(rows, valid, strict=True)}


@dataclass
class Asked:
    """What came of asking in rounds.

    Attributes:
        reflections: Those that were asked for.
        rounds: How many in each round.
    """

    reflections: list[Reflection]
    rounds: list[int]


def lazily(attempts: list[Attempt], truth: Truth, shops: list[Workshop], rate: float = 0.5) -> Asked:
    """Asks in rounds until the traces need no more."""
    pending = Pending(QUESTION, attempts, {a.id: [i for i in truth if on(i) == a.id] for a in attempts})
    rounds: list[int] = []
    while names := pending.ask(shops, len(rounds) + 1, rate):
        assert len(set(names)) == len(names), "a reflection was asked for twice"
        for name in names:
            pending.answer(name, [truth[name]])
        rounds.append(len(names))
    return Asked(pending.reflections, rounds)


def traces(attempts: list[Attempt], reflections: list[Reflection], shop: Workshop) -> list[Trace]:
    return build_question(QUESTION, attempts, reflections, shop).traces


def test_these_recipes_are_lazy() -> None:
    assert LAZY == ["algorithm1", "fixed_ratio", "no_order", "no_reflections", "shuffled_verdicts", "uniform"]
    assert recipe("algorithm1+uniform").needs_only_drawn
    assert not recipe("algorithm1+each_length").needs_only_drawn


@pytest.mark.parametrize("name", LAZY)
def test_every_pattern_of_verdicts_gives_the_traces_of_all_reflections(name: str) -> None:
    """Two correct and two incorrect attempts with two reflections each: all 256 patterns of valid ones."""
    attempts = sampled(2, 2)
    saved = 0
    for number, valid in enumerate(product([True, False], repeat=8)):
        truth = said(attempts, 2, list(valid))
        shop = workshop(number, recipe=name)
        found = lazily(attempts, truth, [shop])
        assert traces(attempts, found.reflections, shop) == traces(attempts, list(truth.values()), shop)
        saved += 8 - len(found.reflections)
    assert saved > 0


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(LAZY),
    st.integers(0, 5),
    st.integers(0, 8),
    st.integers(1, 4),
    st.floats(0, 1),
    st.integers(0, 2**32),
    st.fixed_dictionaries(
        {
            "l_max": st.integers(1, 5),
            "repeats": st.integers(1, 2),
            "distinct_variants": st.booleans(),
            "variants": st.sampled_from([None, ["plain", "plan"]]),
            "reflections_per_attempt": st.sampled_from([None, 1, 2]),
            "attempts_per_question": st.sampled_from([None, 4]),
            "max_per_question": st.sampled_from([None, 2]),
            "max_tokens": st.sampled_from([30, 60, 100, 100_000]),
        }
    ),
)
def test_every_option_gives_the_traces_of_all_reflections(
    name: str, correct: int, incorrect: int, each: int, chance: float, seed: int, options: dict
) -> None:
    rng = random.Random(seed)
    attempts = sampled(correct, incorrect, variants=4)
    truth = said(attempts, each, [rng.random() < chance for _ in range(each * len(attempts))])
    shop = workshop(seed, recipe=name, **options)
    found = lazily(attempts, truth, [shop], rate=chance)
    made = build_question(QUESTION, attempts, list(truth.values()), shop)
    few = build_question(QUESTION, attempts, found.reflections, shop)
    assert few.traces == made.traces
    assert few.statistics.mix_drawn == made.statistics.mix_drawn, "redrawn ones are the same too"


def test_several_recipes_find_all_that_each_of_them_needs() -> None:
    attempts = sampled(4, 8)
    truth = said(attempts, 2, [i % 3 > 0 for i in range(24)])
    shops = [workshop(3, recipe="algorithm1"), workshop(3, recipe="uniform", l_max=5)]
    found = lazily(attempts, truth, shops)
    for shop in shops:
        assert traces(attempts, found.reflections, shop) == traces(attempts, list(truth.values()), shop)


def test_numbers_of_pairs_have_the_same_law_with_other_verdicts_and_seeds() -> None:
    """Two independent samples, one lazy and one not: neither seeds nor verdicts are shared."""

    def mixes(lazy: bool, first: int) -> Counter[tuple[int, int, str]]:
        seen: Counter[tuple[int, int, str]] = Counter()
        attempts = sampled(4, 12)
        for number in range(first, first + 600):
            rng = random.Random(number)
            truth = said(attempts, 2, [rng.random() < 0.6 for _ in range(32)])
            shop = workshop(number, recipe="algorithm1", max_tokens=140)
            rows = lazily(attempts, truth, [shop]).reflections if lazy else list(truth.values())
            seen.update((t.n_correct, t.n_incorrect, t.attempts[0]) for t in traces(attempts, rows, shop))
        return seen

    one, other = mixes(lazy=True, first=0), mixes(lazy=False, first=10_000)
    keys = sorted(key for key in one | other if one[key] + other[key] >= 20)
    assert len(keys) > 20
    assert chi2_contingency([[one[k] for k in keys], [other[k] for k in keys]]).pvalue > 0.001


def test_a_question_without_a_correct_attempt_is_not_asked_about() -> None:
    attempts = sampled(0, 6)
    assert lazily(attempts, said(attempts, 4, [True] * 24), [workshop()]).rounds == []


def test_where_no_reflection_on_a_correct_attempt_is_valid_only_those_are_asked_for() -> None:
    attempts = sampled(2, 6)
    truth = said(attempts, 2, [False] * 4 + [True] * 12)
    assert lazily(attempts, truth, [workshop()]).rounds == [4]


def test_two_thirds_are_saved_at_a_quarter_of_correct_attempts_in_few_rounds() -> None:
    attempts = sampled(16, 48)
    truth = said(attempts, 4, [i % 10 < 7 for i in range(256)])
    found = lazily(attempts, truth, [workshop(1, recipe="algorithm1", l_max=5)], rate=0.7)
    assert found.rounds[0] == 64, "the first round is all reflections on correct attempts"
    assert len(found.reflections) < 256 * 0.42
    assert len(found.rounds) <= 5


def test_with_one_pair_a_trace_exactly_the_correct_ones_are_asked_for() -> None:
    for number in range(8):
        rng = seeds.rng("benchmark", "reflections", number)
        right = sum(rng.random() < 0.25 for _ in range(ATTEMPTS))
        assert asked(Case(TraceConfig(l_max=1), 0.25, each=2), number)[0] == right / ATTEMPTS


@pytest.mark.parametrize(("name", "ratio"), [("algorithm1", 4 / 12), ("uniform", 5 / 6)])
def test_the_share_that_is_asked_for_follows_the_rule_of_thumb(name: str, ratio: float) -> None:
    for accuracy in (0.1, 0.25):
        shares = [asked(Case(TraceConfig(recipe=name), accuracy, each=2), number)[0] for number in range(24)]
        assert sum(shares) / 24 == pytest.approx(accuracy * (1 + ratio), abs=0.05)


def test_a_reflection_that_was_not_asked_for_is_missing_only_where_it_would_be_used() -> None:
    attempts = sampled(1, 3)
    known = [reflection(attempts[0])]
    unasked = {a.id: [f"{a.id}/r0"] for a in attempts[1:]}
    # One correct pair: n+ = 1, so n- = 0.
    assert missing(QUESTION, attempts, known, unasked, workshop(recipe="algorithm1")) == []
    everything = missing(QUESTION, attempts, known, unasked, workshop(recipe="fixed_ratio", n_incorrect=3))
    assert sorted(everything) == sorted(i for ids in unasked.values() for i in ids)
    none = missing(QUESTION, attempts, known, unasked, workshop(recipe="fixed_ratio", n_incorrect=3), lambda _: False)
    assert none == []


def test_traces_that_show_no_reflections_need_all_of_the_attempts_that_they_show() -> None:
    attempts = sampled(2, 0)
    unasked = {a.id: [f"{a.id}/r{k}" for k in range(3)] for a in attempts}
    found = missing(QUESTION, attempts, [], unasked, workshop(recipe="no_reflections"))
    assert sorted(found) == sorted(i for ids in unasked.values() for i in ids)


def test_the_probe_is_a_share_of_the_attempts_and_a_larger_one_only_adds() -> None:
    ids = [f"q{i}/plain/0" for i in range(4_000)]
    few, more = ({i for i in ids if in_probe(i, share, 0)} for share in (0.125, 0.5))
    assert few < more
    assert len(few) / 4_000 == pytest.approx(0.125, abs=0.02)
    assert not any(in_probe(i, 0.0, 0) for i in ids)
    assert all(in_probe(i, 1.0, 0) for i in ids)
