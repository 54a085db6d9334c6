"""Intervals for rates whose samples come in clusters: k answers to each of m questions.

Answers to one question are alike, so m x k samples are worth fewer independent ones. A
rate here is a ratio of totals over questions; its variance is taken *between questions*
and turned into an effective sample size, which goes into Wilson's formula with a
t quantile. Unlike the normal interval it stays inside [0, 1] and keeps a width when every
sample is right or every one is wrong; then each question counts as one sample, the
cautious end.

Sources: Wilson 1927; Korn and Graubard 1998 and Dean and Pagano 2015 (effective sample
size); Newcombe 1998, Zou and Donner 2008 (averages of independent estimates);
Takahashi et al. 2022 (F1 by linearisation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

RESAMPLES = 4_000
"""Bootstrap resamples: the 2.5 % tail holds a hundred of them."""

_BLOCK = 4_000_000
"""Most indices drawn at once: 32 MB."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval. Rates are fractions, not percentages."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The three figures, rounded to what they can mean."""
        return {"mean": round(self.mean, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


def mean_rate(successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> Estimate | None:
    """The mean over questions of each one's pass rate.

    Args:
        successes: Right answers of each question, shape (m,).
        trials: Answers of each question, shape (m,); questions without any are left out.
        confidence: Of the interval.

    Returns:
        The estimate; None when no question has an answer.
    """
    x, n = _clusters(successes, trials)
    if not len(n):
        return None
    p = float(np.mean(x / n))
    return _clustered(p, x / n - p, float(n.sum()), confidence)


def ratio(successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> Estimate | None:
    """All successes over all trials, where questions differ in their number of trials.

    Args:
        successes: Successes of each question, shape (m,).
        trials: Trials of each question, shape (m,).
        confidence: Of the interval.
    """
    x, n = _clusters(successes, trials)
    if not len(n):
        return None
    p = float(x.sum() / n.sum())
    return _clustered(p, (x - p * n) / n.mean(), float(n.sum()), confidence)


def quotient(amounts: ArrayLike, units: ArrayLike, confidence: float = 0.95) -> Estimate | None:
    """All amounts over all units, for figures that are no rates: attempts per response, tokens per right answer.

    The interval is Student's t on the residuals of the questions (linearisation; Cochran 1977, section 6.3).

    Args:
        amounts: Of each question, shape (m,), of any sign.
        units: Of each question, shape (m,), not negative.
        confidence: Of the interval.

    Returns:
        None without a unit, or with a single question: one says nothing of how questions differ.
    """
    x, n = np.asarray(amounts, float), np.asarray(units, float)
    m, total = len(n), float(n.sum())
    if m < 2 or total == 0:
        return None
    mean = float(x.sum()) / total
    residuals = (x - mean * n) * m / total
    half = float(stdtrit(m - 1, 0.5 + confidence / 2)) * math.sqrt(float(residuals @ residuals) / (m * (m - 1)))
    return Estimate(mean, max(mean - half, 0.0) if (x >= 0).all() else mean - half, mean + half)


def f1(hits: ArrayLike, false_alarms: ArrayLike, misses: ArrayLike, confidence: float = 0.95) -> Estimate | None:
    """F1 of a class, a ratio as well: ``2 hits / (2 hits + false alarms + misses)``.

    Args:
        hits: True positives of each question, shape (m,).
        false_alarms: False positives, shape (m,).
        misses: False negatives, shape (m,).
        confidence: Of the interval.

    Returns:
        None when the class neither occurs nor is ever named.
    """
    tp = np.asarray(hits, float)
    x, n = _clusters(2 * tp, 2 * tp + np.asarray(false_alarms, float) + np.asarray(misses, float))
    if not len(n):
        return None
    p = float(x.sum() / n.sum())
    # A hit weighs two in the denominator, so n independent units have F1 (1 - F1) (2 - F1) / n.
    return _clustered(p, (x - p * n) / n.mean(), float(n.sum()) / (2 - p), confidence)


def average(estimates: Sequence[Estimate]) -> Estimate | None:
    """The plain average of independent estimates (levels of a task), by squaring and adding.

    Each side of the interval is the root of the summed squares of that side's
    distances, so levels at 0 % keep their one-sided doubt.
    """
    if not estimates:
        return None
    count = len(estimates)
    mean = sum(e.mean for e in estimates) / count
    below = math.sqrt(sum((e.mean - e.low) ** 2 for e in estimates)) / count
    above = math.sqrt(sum((e.high - e.mean) ** 2 for e in estimates)) / count
    return Estimate(mean, mean - below, mean + above)


def difference(
    ours: Sequence[ArrayLike], theirs: Sequence[ArrayLike], seed: int, confidence: float = 0.95
) -> Estimate | None:
    """How much higher our pass rate is, by a bootstrap over questions that keeps pairs together.

    Args:
        ours: For each level the pass rate of each question, shape (m,).
        theirs: The other model's, same questions in the same order.
        seed: Of the bootstrap.
        confidence: Of the percentile interval.

    Returns:
        The difference averaged over levels, each resampled within itself.
    """
    gaps = [np.asarray(a, float) - np.asarray(b, float) for a, b in zip(ours, theirs, strict=True)]
    gaps = [g for g in gaps if len(g)]
    if not gaps:
        return None
    rng = np.random.default_rng(seed)
    draws = np.mean([_resampled_means(g, rng) for g in gaps], axis=0)
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Estimate(float(np.mean([g.mean() for g in gaps])), float(low), float(high))


def _resampled_means(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    rows = max(1, _BLOCK // len(values))
    starts = range(0, RESAMPLES, rows)
    blocks = [rng.integers(len(values), size=(min(rows, RESAMPLES - s), len(values))) for s in starts]
    return np.concatenate([values[b].mean(axis=1) for b in blocks])


def _clusters(successes: ArrayLike, trials: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, n = np.asarray(successes, float), np.asarray(trials, float)
    if x.shape != n.shape or np.any(x > n) or np.any(x < 0):
        raise ValueError("each question needs 0 <= successes <= trials")
    return x[n > 0], n[n > 0]


def _clustered(p: float, residuals: NDArray[np.float64], independent: float, confidence: float) -> Estimate:
    """Interval of a mean from its questions' residuals; ``independent`` caps the effective size."""
    m = len(residuals)
    variance = float(residuals @ residuals) / (m * (m - 1)) if m > 1 else 0.0
    size = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else m
    quantile = stdtrit(m - 1, 0.5 + confidence / 2) if m > 1 else ndtri(0.5 + confidence / 2)
    return _score(p, min(size, independent), float(quantile))


def _score(p: float, size: float, quantile: float) -> Estimate:
    q = quantile**2 / size
    middle, half = (p + q / 2) / (1 + q), math.sqrt(p * (1 - p) * q + q * q / 4) / (1 + q)
    return Estimate(p, min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)))
