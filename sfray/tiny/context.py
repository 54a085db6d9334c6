"""The second phase of pre-training: documents that follow each other in one context.

Rows are long, and a document sees everything that precedes it, as in the
pre-training of real models. The mix has more puzzles of four to six numbers, reflections
over three to six numbers alike, failed attempts of others as context, and copying.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
from tokenizers import Tokenizer

from sfray.tiny import copying, crowd
from sfray.tiny.corpus import Document, attempted, drill, pick, reflected
from sfray.tiny.crowd import Crowding
from sfray.tiny.packing import IGNORE

KINDS = {"attempt": 54, "reflection": 32, "drill": 6, "lines": 4, "numbers": 4}
"""How often a document is of a kind (percent)."""

ATTEMPTED_SIZES = {2: 8, 3: 42, 4: 24, 5: 15, 6: 11}
REFLECTED_SIZES = {2: 4, 3: 24, 4: 24, 5: 24, 6: 24}
"""How often a puzzle has so many numbers (percent)."""

FEW = {"hit": 60, "miss": 36, "slip": 2, "stray": 1, "repeat": 1}
MANY = {"hit": 50, "miss": 46, "slip": 2, "stray": 1, "repeat": 1}
"""Outcomes of the attempts the assistant writes, up to three numbers and from four on (percent)."""

REFLECTED = {"hit": 40, "miss": 24, "slip": 10, "lapse": 14, "stray": 5, "repeat": 5, "blank": 2}
"""Outcomes of the attempts the assistant reflects on (percent)."""

NOISE = 0.002
"""Share of verdicts that contradict the recomputation before them."""

CROWDED_ATTEMPTS = Crowding(0.3, crowd.SIZES)
"""How the user shows failed attempts of others before the assistant's attempt."""

CROWDED_REFLECTIONS = Crowding(0.2, crowd.SIZES)
"""How the user shows failed attempts of others before what the assistant reflects on."""


def document(rng: random.Random) -> Document:
    """Draws one document of the second phase."""
    kind = pick(rng, KINDS)
    if kind == "attempt":
        size = pick(rng, ATTEMPTED_SIZES)
        return attempted(rng, size, FEW if size <= 3 else MANY, CROWDED_ATTEMPTS)
    if kind == "reflection":
        return reflected(rng, pick(rng, REFLECTED_SIZES), REFLECTED, NOISE, CROWDED_REFLECTIONS)
    if kind == "drill":
        return drill(rng, 3)
    return copying.lines(rng) if kind == "lines" else copying.numbers(rng)


def row(
    rng: random.Random, tokenizer: Tokenizer, length: int, draw: Callable[[random.Random], Document] = document
) -> tuple[list[int], list[int]]:
    """Draws one full row: its tokens and their labels, document after document; the last one is cut."""
    ids: list[int] = []
    labels: list[int] = []
    while len(ids) < length + 1:
        for text, learn in draw(rng).pieces:
            piece = tokenizer.encode(text).ids
            ids += piece
            labels += piece if learn else [IGNORE] * len(piece)
    return ids[:length], labels[1 : length + 1]


def batch(
    rng: random.Random,
    tokenizer: Tokenizer,
    rows: int,
    length: int,
    context: int,
    draw: Callable[[random.Random], Document] = document,
) -> dict[str, torch.Tensor]:
    """Draws one batch of rows of the documents that ``draw`` draws.

    Positions run through each row from a random offset, so that short rows still train
    every position of the context.

    Returns:
        ``input_ids``, ``labels`` (already shifted: the label of a slot is the next token) and
        ``position_ids``, each ``[rows, length]``.
    """
    drawn = [row(rng, tokenizer, length, draw) for _ in range(rows)]
    offsets = torch.tensor([rng.randrange(context - length + 1) for _ in range(rows)])
    return {
        "input_ids": torch.tensor([ids for ids, _ in drawn]),
        "labels": torch.tensor([labels for _, labels in drawn]),
        "position_ids": torch.arange(length).repeat(rows, 1) + offsets[:, None],
    }
