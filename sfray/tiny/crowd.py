"""Failed attempts of several people at one puzzle, as text that a user shows.

They are context only: the loss never covers them, none of them is checked, and none says
what the one before got wrong. A model that has read them can be given such text and still
read the puzzle; it has not seen anybody verify an attempt and then try again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sfray.tasks.countdown import Problem
from sfray.tiny import attempts
from sfray.tiny.attempts import Attempt

SIZES = {1: 20, 2: 25, 3: 25, 4: 18, 5: 12}
"""How often so many attempts are shown in the second phase (percent)."""

OUTCOMES = {"miss": 64, "slip": 14, "lapse": 14, "stray": 4, "repeat": 4}
"""How the attempts that are shown fail (percent)."""

LEADS = ("Others tried:", "Wrong attempts:", "These do not work:", "Some attempts that failed:", "They say:")
BREAKS = ("\n", "\n\n")
LIMIT = 8
"""Draws after which an attempt may be like one of the others."""


@dataclass(frozen=True, slots=True)
class Crowding:
    """How documents show failed attempts of others.

    Attributes:
        share: Chance that a document shows any.
        sizes: How many it then shows -> percent.
        between: A reflection shows them between the question and the attempt, and not before both.
    """

    share: float
    sizes: Mapping[int, int]
    between: bool = False

    def draw(self, rng: random.Random, problem: Problem) -> list[Attempt]:
        """The failed attempts that a document shows of a puzzle: often none at all."""
        if rng.random() >= self.share:
            return []
        return failures(rng, problem, rng.choices(list(self.sizes), weights=list(self.sizes.values()))[0])


def failures(rng: random.Random, problem: Problem, count: int) -> list[Attempt]:
    """Draws failed attempts at a puzzle; each looks for an answer the others do not give."""
    found: list[Attempt] = []
    while len(found) < count:
        found.append(unlike(rng, problem, failure(rng, problem), found))
    return found


def failure(rng: random.Random, problem: Problem) -> Attempt:
    """Draws one failed attempt."""
    return attempts.work(rng, problem, rng.choices(list(OUTCOMES), weights=list(OUTCOMES.values()))[0])


def unlike(rng: random.Random, problem: Problem, attempt: Attempt, others: Sequence[Attempt]) -> Attempt:
    """The attempt, worked again to the same outcome while its answer is one of the others'."""
    given = {other.expression for other in others}
    for _ in range(LIMIT):
        if attempt.expression not in given:
            break
        attempt = attempts.work(rng, problem, attempt.outcome)
    return attempt


def listing(rng: random.Random, problem: Problem, failed: Sequence[Attempt]) -> str:
    """Words the attempts, in any style each, under a line that says what they are."""
    texts = [attempts.write(rng, problem, one, rng.choice(attempts.VARIANTS)) for one in failed]
    return f"{rng.choice(LEADS)}\n{rng.choice(BREAKS).join(texts)}"


def joined(rng: random.Random, question: str, shown: str) -> str:
    """One user turn of the question and what others tried, in either order."""
    return f"{question}\n\n{shown}" if rng.random() < 0.5 else f"{shown}\n\n{question}"
