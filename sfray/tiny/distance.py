"""The third phase of pre-training: documents whose own parts lie far apart.

A response of a dozen attempts looks back over a thousand tokens to its question. The
second phase has seldom asked for that, so a model fine-tuned on traces of three and four
numbers lost the numbers of longer puzzles from attempt to attempt. Here the rows are as
long as the context; many more failed attempts of others lie between a question and the
assistant's attempt or reflection; numbers and answers are copied more often; and
reflections on puzzles of five and six numbers meet mostly attempts that fail, as they do
in use.
"""

from __future__ import annotations

import random

from sfray.tiny import copying
from sfray.tiny.context import FEW, MANY
from sfray.tiny.corpus import Document, attempted, drill, pick, reflected
from sfray.tiny.crowd import Crowding

KINDS = {"attempt": 44, "reflection": 36, "drill": 4, "lines": 3, "numbers": 6, "answer": 7}
"""How often a document is of a kind (percent)."""

ATTEMPTED_SIZES = {2: 4, 3: 34, 4: 26, 5: 21, 6: 15}
REFLECTED_SIZES = {2: 3, 3: 20, 4: 24, 5: 30, 6: 23}
"""How often a puzzle has so many numbers (percent)."""

REFLECTED = {"hit": 38, "miss": 24, "slip": 10, "lapse": 14, "stray": 6, "repeat": 6, "blank": 2}
REFLECTED_MANY = {"hit": 24, "miss": 26, "slip": 10, "lapse": 16, "stray": 10, "repeat": 12, "blank": 2}
"""Outcomes of the attempts the assistant reflects on, up to four numbers and from five on (percent)."""

CROWDS = {2: 20, 4: 25, 6: 20, 9: 15, 12: 12, 16: 8}
"""How many failed attempts are shown (percent)."""

CROWDED_ATTEMPTS = Crowding(0.4, CROWDS)
CROWDED_REFLECTIONS = Crowding(0.3, CROWDS, between=True)
"""How the user shows failed attempts of others."""


def document(rng: random.Random) -> Document:
    """Draws one document of the third phase."""
    kind = pick(rng, KINDS)
    if kind == "attempt":
        size = pick(rng, ATTEMPTED_SIZES)
        return attempted(rng, size, FEW if size <= 3 else MANY, CROWDED_ATTEMPTS)
    if kind == "reflection":
        size = pick(rng, REFLECTED_SIZES)
        return reflected(rng, size, REFLECTED if size <= 4 else REFLECTED_MANY, 0.0, CROWDED_REFLECTIONS)
    if kind == "drill":
        return drill(rng, 3)
    return {"lines": copying.lines, "numbers": copying.numbers, "answer": copying.answer}[kind](rng)
