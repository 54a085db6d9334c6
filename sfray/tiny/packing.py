"""Packed rows: several documents in a row, each blind to the others.

A row holds whole documents only. Attention is block-diagonal, so a document never
looks at its neighbours; positions are per document. In a share of the documents the
positions jump between two pieces, as if something long stood between them: the model
so learns to look back over the distances of long traces (up to its whole context)
at the cost of short rows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer

from sfray.tiny.corpus import Document, document

FILL = 0.95
"""Share of a batch's slots that documents are drawn for; what does not fit is dropped."""

GAPPED = 0.3
MAX_GAP = 1_700
"""Share of documents with a jump in their positions, and its greatest length."""

IGNORE = -100
PADDING = -1
"""The position of a slot that holds no document."""


@dataclass(frozen=True)
class Encoded:
    """A document as tokens, with its labels (:data:`IGNORE` where the loss is off) and positions."""

    ids: list[int]
    labels: list[int]
    positions: list[int]


def encode(rng: random.Random, doc: Document, tokenizer: Tokenizer) -> Encoded:
    """Encodes a document piece by piece (pieces end where the tokenizer cuts)."""
    gap_at = rng.randrange(1, len(doc.pieces)) if rng.random() < GAPPED else 0
    ids: list[int] = []
    labels: list[int] = []
    positions: list[int] = []
    at = 0
    for index, (text, learn) in enumerate(doc.pieces):
        if gap_at and index == gap_at:
            at += rng.randrange(MAX_GAP)
        piece = tokenizer.encode(text).ids
        ids += piece
        labels += piece if learn else [IGNORE] * len(piece)
        positions += range(at, at + len(piece))
        at += len(piece)
    return Encoded(ids, labels, positions)


def draw(rng: random.Random, tokenizer: Tokenizer, rows: int, length: int) -> list[Encoded]:
    """Draws the documents of one batch, about as many as fit."""
    drawn: list[Encoded] = []
    total = 0
    while True:
        doc = encode(rng, document(rng), tokenizer)
        total += len(doc.ids)
        if total > FILL * rows * length:
            return drawn
        if len(doc.ids) <= length:
            drawn.append(doc)


def place(docs: list[Encoded], rows: int, length: int) -> list[list[Encoded]]:
    """Puts documents into rows, longest first, each where the least room is left."""
    placed: list[list[Encoded]] = [[] for _ in range(rows)]
    room = [length] * rows
    for doc in sorted(docs, key=lambda d: -len(d.ids)):
        fits = [r for r in range(rows) if room[r] >= len(doc.ids)]
        if fits:
            row = min(fits, key=room.__getitem__)
            placed[row].append(doc)
            room[row] -= len(doc.ids)
    return placed


def batch(rng: random.Random, tokenizer: Tokenizer, rows: int, length: int, pad: int) -> dict[str, torch.Tensor]:
    """Draws one packed batch.

    Returns:
        ``input_ids``, ``labels`` (already shifted: the label of a slot is the next token),
        ``position_ids`` (:data:`PADDING` in padding), each ``[rows, length]``, and ``attention_mask``
        ``[rows, 1, length, length]``, true where a slot may look (padding looks at padding:
        a slot that may look nowhere has no softmax).
    """
    ids = torch.full((rows, length), pad)
    labels = torch.full((rows, length), IGNORE)
    positions = torch.full((rows, length), PADDING)
    owner = torch.full((rows, length), -1)
    for r, docs in enumerate(place(draw(rng, tokenizer, rows, length), rows, length)):
        at = 0
        for index, doc in enumerate(docs):
            end = at + len(doc.ids)
            ids[r, at:end] = torch.tensor(doc.ids)
            labels[r, at : end - 1] = torch.tensor(doc.labels[1:])
            positions[r, at:end] = torch.tensor(doc.positions)
            owner[r, at:end] = index
            at = end
    same = owner[:, :, None] == owner[:, None, :]
    mask = same & torch.ones(length, length, dtype=torch.bool).tril()
    return {"input_ids": ids, "labels": labels, "position_ids": positions, "attention_mask": mask[:, None]}
