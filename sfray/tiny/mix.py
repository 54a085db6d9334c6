"""What a later phase of pre-training reads: kinds of documents, sizes of puzzles and outcomes, each with its share."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from sfray.tiny import copying
from sfray.tiny.corpus import Document, attempted, drill, pick, reflected
from sfray.tiny.crowd import Crowding

FEW = {"hit": 60, "miss": 36, "slip": 2, "stray": 1, "repeat": 1}
MANY = {"hit": 50, "miss": 46, "slip": 2, "stray": 1, "repeat": 1}
"""Outcomes of the attempts the assistant writes, up to three numbers and from four on (percent)."""

COPIES = {"lines": copying.lines, "numbers": copying.numbers, "answer": copying.answer}
"""Kind -> the drill that copies it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A phase's documents; every share is in percent.

    Attributes:
        kinds: ``attempt``, ``reflection``, ``drill`` or one of :data:`COPIES` -> share.
        attempted_sizes: Numbers of an attempted puzzle -> share.
        reflected_sizes: Numbers of a puzzle whose attempt is reflected on -> share.
        reflected: Outcome of the attempt that is reflected on, up to four numbers -> share.
        reflected_many: The same from five numbers on.
        noise: Chance that a verdict contradicts the recomputation before it.
        crowded_attempts: How the user shows failed attempts of others before the assistant's attempt.
        crowded_reflections: How the user shows them with what the assistant reflects on.
    """

    kinds: Mapping[str, int]
    attempted_sizes: Mapping[int, int]
    reflected_sizes: Mapping[int, int]
    reflected: Mapping[str, int]
    reflected_many: Mapping[str, int]
    noise: float
    crowded_attempts: Crowding
    crowded_reflections: Crowding

    def document(self, rng: random.Random) -> Document:
        """Draws one document."""
        kind = pick(rng, self.kinds)
        if kind == "attempt":
            size = pick(rng, self.attempted_sizes)
            return attempted(rng, size, FEW if size <= 3 else MANY, self.crowded_attempts)
        if kind == "reflection":
            size = pick(rng, self.reflected_sizes)
            outcomes = self.reflected if size <= 4 else self.reflected_many
            return reflected(rng, size, outcomes, self.noise, self.crowded_reflections)
        return drill(rng, 3) if kind == "drill" else COPIES[kind](rng)
