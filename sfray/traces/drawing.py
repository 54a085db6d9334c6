"""Drawing traces under a limit on length, without changing the law that a recipe draws by.

A recipe draws a trace with all that makes it one: how many pairs of each kind, which, in
which order. One that does not fit is drawn again as a whole, from the same pools, until one
fits; after :data:`MAX_DRAWS` it is given up. Nothing is left out of a trace to make it fit.

The law of what is kept. Let D be the recipe's law of one trace, words included, given the pools
that it draws from, and F the set of traces that fit. The draws are independent and each has law D.
For a trace t in F, draw k is the first that fits, and is t, with probability
(1 - D(F))^(k-1) D(t). Given that k, which has probability (1 - D(F))^(k-1) D(F), the trace is t
with probability D(t) / D(F), whatever k is. So a kept trace has law D restricted to F, and
neither the number of draws nor the end after ``MAX_DRAWS`` changes it. It follows for what is read
off a trace: (n+, n-) of the kept ones has the recipe's law given that the trace fits. Where a
length decides alone (every pair as long as any other), that is the recipe's law of
(n+, n-) restricted to the numbers of pairs that fit.

What is drawn does not depend on what is not. :class:`Orders` gives each thing in a pool random numbers of its own,
one for each draw, and a draw takes the first that may go together. Independent, equally distributed numbers make
every order as likely, so this is drawing without replacement; and to take a thing out of the pool that a draw does
not choose changes nothing for the others. :mod:`sfray.traces.demand` rests on that.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sfray import seeds
from sfray.traces.plan import Plan

MAX_DRAWS = 32
"""Draws of one trace before it is given up: what fits one time in ten is found in 97 of 100 cases."""

Make = Callable[[Plan], Any]
"""What becomes of a plan, or None where it does not fit."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One trace as it was drawn.

    Attributes:
        first: The first draw: what the recipe makes without a limit.
        plan: The draw that fits; the last one where none did.
        made: What ``make`` made of it; None where no draw fitted.
        draws: How many draws it took.
    """

    first: Plan
    plan: Plan
    made: Any
    draws: int


def whole(plan: Plan) -> Plan:
    """The ``make`` that takes every plan: no limit."""
    return plan


def fitting(draw: Callable[[], Plan | None], make: Make) -> Drawn | None:
    """Draws until a plan fits, at most ``MAX_DRAWS`` times.

    Args:
        draw: One independent draw; None where the pools do not allow any.
        make: Makes something of a plan that fits.

    Returns:
        The trace, given up where its ``made`` is None; or None when nothing can be drawn.
    """
    first: Plan | None = None
    for number in range(1, MAX_DRAWS + 1):
        plan = draw()
        if plan is None:
            return None
        first = first or plan
        made = make(plan)
        if made is not None or number == MAX_DRAWS:
            return Drawn(first, plan, made, number)
    return None


class Orders:
    """Random orders of named things, a new one each time, each as likely.

    Args:
        rng: Gives one number, the seed of all orders; what is ordered takes nothing from it.
    """

    def __init__(self, rng: random.Random) -> None:
        self._seed = rng.getrandbits(63)
        self._numbers: dict[str, random.Random] = {}

    def next(self, names: Iterable[str]) -> list[str]:
        """The names in a new order; that of any two of them does not depend on which others there are."""
        return [name for _, name in sorted((self._number(name), name) for name in names)]

    def _number(self, name: str) -> float:
        if name not in self._numbers:
            self._numbers[name] = seeds.rng(self._seed, name)
        return self._numbers[name].random()
