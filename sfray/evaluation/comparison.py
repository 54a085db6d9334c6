"""How sure a difference between trained models is: seeds and questions drawn again together.

    resampling = Resampling(seeds=3, name="countdown-4")
    weights = resampling.weights([256, 256, 256], crossed=False)     # of every question, in every draw
    interval(weights @ (ours - theirs), 0.95)

The same draws serve every model, which keeps what is compared paired. Sources: Davison
and Hinkley 1997, section 3.8 (nested), Owen 2007 (crossed), McNemar 1947, Holm 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from sfray.evaluation.intervals import RESAMPLES
from sfray.seeds import derive


class Resampling:
    """Draws of seeds with replacement, and in each of them of questions.

    Attributes:
        picks: The seeds of each draw, shape (draws, seeds).
    """

    def __init__(self, seeds: int, draws: int = RESAMPLES) -> None:
        """Draws the seeds, once for all groups: a seed that trains well does so on every level."""
        self.picks = np.random.default_rng(derive("compare", "seeds", seeds)).integers(seeds, size=(draws, seeds))

    def weights(self, sizes: Sequence[int], crossed: bool, name: str) -> NDArray[np.float64]:
        """How much each question counts in each draw.

        Args:
            sizes: Questions of each seed.
            crossed: Whether those are the same questions, which are then drawn together;
                otherwise each drawn seed draws from its own.
            name: Of the group: its questions are drawn apart from other groups'.

        Returns:
            Shape (draws, sum of sizes); each row sums to 1.
        """
        rng = np.random.default_rng(derive("compare", "questions", name, *sizes))
        draws, seeds = self.picks.shape
        starts = np.cumsum([0, *sizes])
        found = np.zeros((draws, starts[-1]))
        shared = _shares(rng, sizes[0], draws) if crossed else None
        for pick in self.picks.T:
            for seed, size in enumerate(sizes):
                chosen = np.flatnonzero(pick == seed)
                counts = _shares(rng, size, len(chosen)) if shared is None else shared[chosen]
                found[chosen, starts[seed] : starts[seed + 1]] += counts / seeds
        return found


def _shares(rng: np.random.Generator, size: int, draws: int) -> NDArray[np.float64]:
    return rng.multinomial(size, np.full(size, 1 / size), size=draws) / size


def mean(by_seed: Sequence[NDArray[np.float64]]) -> float:
    """The mean over seeds of the mean over questions."""
    return float(np.mean([values.mean() for values in by_seed]))


def interval(draws: NDArray[np.float64], confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The percentile interval.

    Args:
        draws: A figure in every draw, shape (…, draws).
        confidence: Of the interval.

    Returns:
        Both ends, shape (…).
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=-1)
    return low, high


@dataclass(frozen=True, slots=True)
class Discordant:
    """McNemar's test of one model against another.

    Attributes:
        better: Questions that our model answers right more often.
        worse: Questions that the other one does.
        p: Chance of a split at least as uneven if neither were better.
    """

    better: int
    worse: int
    p: float


def mcnemar(ours: ArrayLike, theirs: ArrayLike) -> Discordant:
    """The exact test on the questions that two models answer differently.

    With one answer to each question this is McNemar's test. With several, a question counts
    for the model that answers it right more often, however much: the sign test.

    Args:
        ours: Our right answers to each question, or their share; shape (m,).
        theirs: The other model's, same questions, same order.
    """
    gaps = np.round(np.asarray(ours, float) - np.asarray(theirs, float), 9)  # means of equal shares differ in last bits
    better, worse = int((gaps > 0).sum()), int((gaps < 0).sum())
    p = binomtest(better, better + worse).pvalue if better + worse else 1.0
    return Discordant(better, worse, float(p))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number, so that all can be compared with one level.

    Holm's step-down: the i-th smallest of m counts (m - i + 1) times, and none less than a smaller one.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]
