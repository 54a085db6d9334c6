"""How often the intervals of a comparison hold the truth, when seeds and questions differ by chance.

    python -m benchmarks.coverage [--studies 1000]

Two models answer the same questions twice each; one is 10 points better. Each seed moves each
model's accuracy by a normal error of ``spread``, and the interval should hold the 10 points
all the same.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfray.evaluation.comparison import Resampling, interval

QUESTIONS, ANSWERS, TRUTH = 128, 2, 0.1
SEEDS, SPREADS = (1, 3, 5), (0.0, 0.02, 0.05)
DRAWS = 1_000


def study(rng: np.random.Generator, seeds: int, spread: float, crossed: bool) -> NDArray[np.float64]:
    """Differences of two models on each question of each seed, shape (seeds * questions,)."""
    shared = rng.beta(1, 2, size=QUESTIONS)
    gaps = []
    for _ in range(seeds):
        chances = 0.25 + 0.4 * (shared if crossed else rng.beta(1, 2, size=QUESTIONS))
        ours, theirs = (np.clip(chances + up + spread * rng.standard_normal(), 0, 1) for up in (TRUTH, 0.0))
        gaps.append((rng.binomial(ANSWERS, ours) - rng.binomial(ANSWERS, theirs)) / ANSWERS)
    return np.concatenate(gaps)


def coverage(seeds: int, spread: float, crossed: bool, studies: int = 1_000) -> float:
    """Share of 95 % intervals that hold the truth."""
    rng = np.random.default_rng([seeds, round(100 * spread), crossed])
    weights = Resampling(seeds, DRAWS).weights([QUESTIONS] * seeds, crossed, "coverage")
    held = 0
    for _ in range(studies):
        low, high = interval(weights @ study(rng, seeds, spread, crossed))
        held += bool(low <= TRUTH <= high)
    return held / studies


def run(studies: int = 1_000) -> dict[str, Any]:
    """Every cell of the table in ``docs/evaluation.md``."""
    return {
        f"{seeds} seeds, {'the same' if crossed else 'own'} questions": {
            f"spread {100 * spread:g}": round(coverage(seeds, spread, crossed, studies), 3) for spread in SPREADS
        }
        for seeds in SEEDS
        for crossed in (False, True)
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1_000)
    for name, row in run(parser.parse_args().studies).items():
        print(f"{name:32}", *(f"{spread} {held:7.1%}" for spread, held in row.items()), sep="  ")
