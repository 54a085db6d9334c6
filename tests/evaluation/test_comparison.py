from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap

from sfray.evaluation.comparison import Discordant, Resampling, holm, interval, mcnemar, mean


def gaps(rng, seeds: int, questions: int, spread: float, same: bool) -> list[np.ndarray]:
    """Differences of two models that are 10 points apart; seeds and questions differ by chance."""
    chances = rng.uniform(0.25, 0.65, size=questions)
    found = []
    for _ in range(seeds):
        theirs = chances if same else rng.uniform(0.25, 0.65, size=questions)
        ours = theirs + 0.1 + spread * rng.standard_normal()
        found.append((rng.binomial(2, np.clip(ours, 0, 1)) - rng.binomial(2, theirs)) / 2)
    return found


def test_every_draw_weighs_seeds_and_questions_alike_on_average():
    for crossed in (False, True):
        weights = Resampling(3).weights([5, 5, 5], crossed, "countdown-3")
        assert weights.shape == (4_000, 15)
        assert weights.sum(axis=1) == pytest.approx(np.ones(4_000))
        assert weights.mean(axis=0) == pytest.approx(np.full(15, 1 / 15), abs=0.004)


def test_draws_are_reproducible_and_differ_between_groups():
    resampling = Resampling(2)
    one = resampling.weights([4, 4], False, "countdown-3")
    assert (one == Resampling(2).weights([4, 4], False, "countdown-3")).all()
    assert (one != resampling.weights([4, 4], False, "countdown-4")).any()


def test_a_seed_counts_as_often_as_it_was_drawn_in_every_group():
    resampling = Resampling(3)
    for name, sizes in (("countdown-3", [7, 7, 7]), ("countdown-4", [2, 5, 3])):
        weights = resampling.weights(sizes, False, name)
        starts = np.cumsum([0, *sizes])
        for seed in range(3):
            drawn = (resampling.picks == seed).sum(axis=1) / 3
            assert weights[:, starts[seed] : starts[seed + 1]].sum(axis=1) == pytest.approx(drawn)


def test_the_same_questions_are_drawn_in_every_seed():
    resampling = Resampling(2)
    weights = resampling.weights([6, 6], True, "countdown-3")
    both = (resampling.picks == 0).sum(axis=1) == 1
    assert weights[both, :6] == pytest.approx(weights[both, 6:])
    apart = resampling.weights([6, 6], False, "countdown-3")
    assert (apart[both, :6] != apart[both, 6:]).any()


def test_with_one_seed_it_is_the_bootstrap_of_scipy():
    values = np.random.default_rng(5).beta(1, 3, size=60)
    low, high = interval(Resampling(1, 20_000).weights([60], False, "g") @ values)
    theirs = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(6))
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.002)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.002)


def test_two_seeds_by_enumeration():
    """With one question per seed a draw is one of four pairs of seeds."""
    by_seed = [np.array([0.0]), np.array([1.0])]
    draws = Resampling(2, 40_000).weights([1, 1], False, "g") @ np.concatenate(by_seed)
    for value in (0.0, 0.5, 1.0):
        expected = sum(np.mean(pair) == value for pair in product((0.0, 1.0), repeat=2)) / 4
        assert np.mean(np.isclose(draws, value)) == pytest.approx(expected, abs=0.01)
    assert mean(by_seed) == 0.5


@pytest.mark.parametrize(
    ("seeds", "spread", "crossed", "least"),
    [(1, 0.0, False, 0.90), (3, 0.02, False, 0.92), (5, 0.05, False, 0.89), (3, 0.02, True, 0.94)],
)
def test_coverage(seeds, spread, crossed, least):
    rng = np.random.default_rng(11)
    weights = Resampling(seeds, 1_000).weights([100] * seeds, crossed, "g")
    held = 0
    for _ in range(300):
        low, high = interval(weights @ np.concatenate(gaps(rng, seeds, 100, spread, crossed)))
        held += low <= 0.1 <= high
    assert held / 300 >= least


def test_intervals_that_ignore_seeds_are_too_narrow():
    """The check above can fail: three seeds taken for one hold the truth far too seldom."""
    rng = np.random.default_rng(11)
    weights = Resampling(1, 1_000).weights([300], False, "g")
    held = 0
    for _ in range(300):
        low, high = interval(weights @ np.concatenate(gaps(rng, 3, 100, 0.1, False)))
        held += low <= 0.1 <= high
    assert held / 300 < 0.75


def test_mcnemar_by_hand():
    assert mcnemar([1, 1, 1, 0, 1], [0, 0, 0, 0, 1]) == Discordant(3, 0, pytest.approx(0.25))
    assert mcnemar([1, 0], [1, 0]) == Discordant(0, 0, 1.0)
    assert mcnemar([0.3], [0.1 + 0.2]) == Discordant(0, 0, 1.0)


@given(st.lists(st.sampled_from([(0, 0), (0, 1), (1, 0), (1, 1)]), min_size=1, max_size=10))
def test_mcnemar_is_the_exact_binomial_test(pairs):
    ours, theirs = zip(*pairs, strict=True)
    better, worse = pairs.count((1, 0)), pairs.count((0, 1))
    found = mcnemar(ours, theirs)
    assert (found.better, found.worse) == (better, worse)
    n = better + worse
    if n:
        assert found.p == pytest.approx(binomtest(worse, n).pvalue)
        as_uneven = [flips for flips in product((0, 1), repeat=n) if abs(2 * sum(flips) - n) >= abs(better - worse)]
        assert found.p == pytest.approx(len(as_uneven) / 2**n)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_its_definition_rejects(p):
    adjusted = holm(p)
    for level in (0.01, 0.05, 0.5):
        rejected, order = set(), sorted(range(len(p)), key=p.__getitem__)
        for i, at in enumerate(order):
            if p[at] * (len(p) - i) > level:
                break
            rejected.add(at)
        assert {i for i, a in enumerate(adjusted) if a <= level} == rejected


def test_holm_keeps_false_alarms_rare():
    rng = np.random.default_rng(3)
    alarms = sum(min(holm(list(rng.random(10)))) <= 0.05 for _ in range(2_000))
    assert 0.03 <= alarms / 2_000 <= 0.065
