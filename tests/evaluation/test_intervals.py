import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp

from sfray.evaluation.intervals import Estimate, average, difference, f1, mean_rate, quotient, ratio

_T2 = 4.302652729696142  # 97.5 % quantile of Student's t with 2 degrees of freedom
_T1 = 12.706204736432095


def test_nothing_has_no_estimate():
    assert mean_rate([], []) is None
    assert mean_rate([0, 0], [0, 0]) is None
    assert ratio([0], [0]) is None
    assert f1([0], [0], [0]) is None
    assert average([]) is None
    assert difference([[]], [[]], seed=0) is None


def test_questions_that_are_all_or_nothing_count_once():
    # Rates 1 and 0: variance of the mean is 1/4, so the effective size is 1.
    estimate = mean_rate([4, 0], [4, 4])
    q = _T1**2
    half = math.sqrt(q / 4 + q * q / 4) / (1 + q)
    assert estimate == Estimate(0.5, pytest.approx(0.5 - half), pytest.approx(0.5 + half))


def test_questions_that_agree_count_for_all_their_samples():
    # No spread between questions: as good as 12 independent samples, not better.
    estimate = mean_rate([2, 2, 2], [4, 4, 4])
    q = _T2**2 / 3  # a variance of 0 says nothing: each question counts as one sample
    half = math.sqrt(q / 4 + q * q / 4) / (1 + q)
    assert estimate == Estimate(0.5, pytest.approx(0.5 - half), pytest.approx(0.5 + half))


def test_effective_size_is_capped_by_the_number_of_samples():
    successes = [2, 2, 2, 2, 2, 2, 2, 3]  # spread far below binomial
    estimate = mean_rate(successes, [4] * 8)
    p, t7 = 17 / 32, 2.3646242515927845
    q = t7**2 / 32
    half = math.sqrt(p * (1 - p) * q + q * q / 4) / (1 + q)
    middle = (p + q / 2) / (1 + q)
    assert estimate == Estimate(p, pytest.approx(middle - half), pytest.approx(middle + half))


def test_all_right_keeps_a_width():
    estimate = mean_rate([4, 4, 4], [4, 4, 4])
    assert estimate == Estimate(1.0, pytest.approx(1 / (1 + _T2**2 / 3)), 1.0)
    assert mean_rate([0, 0, 0], [4, 4, 4]) == Estimate(0.0, 0.0, pytest.approx(1 - 1 / (1 + _T2**2 / 3)))


def test_one_question_says_little():
    estimate = mean_rate([2], [4])
    assert estimate is not None
    assert (estimate.low, estimate.high) == pytest.approx((0.0546207, 0.9453793), abs=1e-6)


def test_mean_rate_weighs_questions_and_ratio_weighs_samples():
    successes, trials = [1, 0], [1, 3]
    mean, pooled = mean_rate(successes, trials), ratio(successes, trials)
    assert mean is not None
    assert pooled is not None
    assert (mean.mean, pooled.mean) == (0.5, 0.25)


def test_ratio_and_mean_rate_agree_on_equal_trials():
    successes, trials = [3, 0, 4, 1, 2], [4] * 5
    assert ratio(successes, trials) == mean_rate(successes, trials)


def test_f1_by_hand():
    estimate = f1([3, 1], [1, 0], [0, 2])
    assert estimate is not None
    assert estimate.mean == pytest.approx(8 / 11)  # 2 x 4 / (2 x 4 + 1 + 2)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="0 <= successes <= trials"):
        mean_rate([5], [4])
    with pytest.raises(ValueError, match="0 <= successes <= trials"):
        ratio([1, 1], [4])


def test_average_adds_squares_side_by_side():
    estimate = average([Estimate(0.5, 0.4, 0.6), Estimate(0.0, 0.0, 0.2)])
    assert estimate == Estimate(0.25, pytest.approx(0.25 - 0.05), pytest.approx(0.25 + math.sqrt(0.05) / 2))


def test_difference_of_constant_gaps_is_that_gap():
    estimate = difference([[0.5, 0.75]], [[0.25, 0.5]], seed=1)
    assert estimate == Estimate(0.25, 0.25, 0.25)


def test_difference_averages_levels_and_not_questions():
    estimate = difference([[1.0, 1.0, 1.0], [0.0]], [[0.0, 0.0, 0.0], [0.0]], seed=1)
    assert estimate == Estimate(0.5, 0.5, 0.5)


def test_difference_is_seeded():
    rng = np.random.default_rng(0)
    ours, theirs = [rng.random(50)], [rng.random(50)]
    assert difference(ours, theirs, seed=3) == difference(ours, theirs, seed=3)
    assert difference(ours, theirs, seed=3) != difference(ours, theirs, seed=4)


@given(st.lists(st.tuples(st.integers(0, 4), st.just(4)), min_size=1, max_size=40))
def test_intervals_hold_their_mean_and_stay_in_bounds(counts):
    successes, trials = zip(*counts, strict=True)
    for estimate in (mean_rate(successes, trials), ratio(successes, trials)):
        assert estimate is not None
        assert 0 <= estimate.low <= estimate.mean <= estimate.high <= 1
        assert estimate.high > estimate.low


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=30))
def test_f1_is_symmetric_in_its_errors(counts):
    hits, false_alarms, misses = zip(*counts, strict=True)
    one, other = f1(hits, false_alarms, misses), f1(hits, misses, false_alarms)
    assert one == other
    assert one is None or 0 <= one.low <= one.mean <= one.high <= 1


@pytest.mark.parametrize(("a", "b"), [(1.0, 3.0), (0.3, 0.6), (0.1, 1.0)])
def test_mean_rate_covers_the_truth_where_counting_samples_does_not(a, b):
    """Pass rates vary over questions by Beta(a, b); 4 answers to each of 80."""
    rng = np.random.default_rng(7)
    truth, runs, covered, naive = a / (a + b), 600, 0, 0
    for _ in range(runs):
        right = rng.binomial(4, rng.beta(a, b, 80))
        ours = mean_rate(right, np.full(80, 4))
        theirs = binomtest(right.sum(), 320).proportion_ci(method="wilson")
        assert ours is not None
        covered += ours.low <= truth <= ours.high
        naive += theirs.low <= truth <= theirs.high
    assert 0.925 <= covered / runs <= 0.985
    assert naive < covered - 0.02 * runs


def test_f1_covers_the_truth():
    """Independent verdicts with 30 % hits, 15 % false alarms, 10 % misses, clustered by 6."""
    rng = np.random.default_rng(11)
    truth, runs, covered = 0.6 / 0.85, 600, 0
    for _ in range(runs):
        counts = rng.multinomial(6, [0.3, 0.15, 0.10, 0.45], size=60)
        estimate = f1(counts[:, 0], counts[:, 1], counts[:, 2])
        assert estimate is not None
        covered += estimate.low <= truth <= estimate.high
    assert 0.925 <= covered / runs <= 0.98


def test_difference_covers_the_truth():
    rng = np.random.default_rng(13)
    runs, covered = 150, 0
    for seed in range(runs):
        skill = rng.beta(1, 2, 100)
        theirs = rng.binomial(4, skill) / 4
        ours = rng.binomial(4, np.minimum(skill + 0.1, 1)) / 4
        estimate = difference([ours], [theirs], seed)
        assert estimate is not None
        covered += estimate.low <= _GAP <= estimate.high
    assert 0.91 <= covered / runs <= 0.985


def _expected_gap() -> float:
    """Mean of min(x + 0.1, 1) - x for x from Beta(1, 2), density 2 (1 - x), by a fine sum."""
    x = (np.arange(1_000_000) + 0.5) / 1_000_000
    return float(np.mean((np.minimum(x + 0.1, 1) - x) * 2 * (1 - x)))


_GAP = _expected_gap()


def test_quotients_by_hand():
    # Residuals 1 - 2 and 3 - 2 over two units: variance of the mean is 1.
    assert quotient([1, 3], [1, 1]) == Estimate(2.0, 0.0, pytest.approx(2 + _T1))
    assert quotient([-1, 3], [1, 1]) == Estimate(1.0, pytest.approx(1 - 2 * _T1), pytest.approx(1 + 2 * _T1))
    assert quotient([2, 4, 6], [1, 2, 3]) == Estimate(2.0, 2.0, 2.0)
    assert quotient([10, 0], [0, 2]) == Estimate(5.0, 0.0, pytest.approx(5 + 10 * _T1))
    assert quotient([5], [1]) is quotient([1, 2], [0, 0]) is quotient([], []) is None


def test_the_quotient_of_means_is_students_interval():
    values = np.random.default_rng(2).exponential(5, size=40)
    found = quotient(values, np.ones(40))
    low, high = ttest_1samp(values, 0).confidence_interval(0.95)
    assert found == Estimate(pytest.approx(values.mean()), pytest.approx(low), pytest.approx(high))


def test_quotients_hold_the_truth():
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(500):
        units = rng.integers(1, 6, size=60)
        found = quotient(rng.poisson(3 * units), units)
        assert found is not None
        held += found.low <= 3 <= found.high
    assert 0.92 <= held / 500 <= 0.98
