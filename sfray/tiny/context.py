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

from sfray.tiny import crowd
from sfray.tiny.corpus import Document
from sfray.tiny.crowd import Crowding
from sfray.tiny.mix import Mix
from sfray.tiny.packing import IGNORE

_REFLECTED = {"hit": 40, "miss": 24, "slip": 10, "lapse": 14, "stray": 5, "repeat": 5, "blank": 2}

TOGETHER = Mix(
    kinds={"attempt": 54, "reflection": 32, "drill": 6, "lines": 4, "numbers": 4},
    attempted_sizes={2: 8, 3: 42, 4: 24, 5: 15, 6: 11},
    reflected_sizes={2: 4, 3: 24, 4: 24, 5: 24, 6: 24},
    reflected=_REFLECTED,
    reflected_many=_REFLECTED,
    noise=0.002,
    crowded_attempts=Crowding(0.3, crowd.SIZES),
    crowded_reflections=Crowding(0.2, crowd.SIZES),
)
"""What the second phase reads."""


def row(
    rng: random.Random, tokenizer: Tokenizer, length: int, draw: Callable[[random.Random], Document]
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
    draw: Callable[[random.Random], Document],
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
