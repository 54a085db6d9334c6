"""The rows of a step as micro batches of like length within a budget of tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

PADDING = 0.03
"""Largest share of padded positions in a micro batch."""


def split(
    rows: Sequence[int], lengths: np.ndarray | Sequence[int], budget: int, world: int, packed: bool = False
) -> list[list[list[int]]]:
    """Every worker's micro batches of a step, as many for each worker.

    Rows are sorted by length and cut where the next one would break the budget, or leave
    more than ``PADDING`` of the positions to padding. Micro batches of like size run at
    the same time, so no worker waits long for another.

    Args:
        rows: Rows of the step, in any order.
        lengths: Length of every row, shape (rows,).
        budget: Positions of a micro batch (``sft.micro_tokens``); a longer row is alone.
        world: Workers.
        packed: Rows are laid end to end, without padding.

    Returns:
        Worker -> micro batches -> rows. Some micro batches are empty where there are too
        few rows for all workers.
    """
    parts: list[list[int]] = []
    for row in sorted(rows, key=lambda row: (-lengths[row], row)):
        if parts and _fits([*parts[-1], row], lengths, budget, packed):
            parts[-1].append(row)
        else:
            parts.append([row])
    parts = _level(parts, lengths, world, packed)
    return [parts[rank::world] for rank in range(world)]


def positions(part: Sequence[int], lengths: np.ndarray | Sequence[int], packed: bool = False) -> int:
    """Positions of a micro batch, padding included."""
    if packed:
        return sum(int(lengths[row]) for row in part)
    return len(part) * max((int(lengths[row]) for row in part), default=0)


def _fits(part: list[int], lengths: np.ndarray | Sequence[int], budget: int, packed: bool) -> bool:
    size = positions(part, lengths, packed)
    tokens = sum(int(lengths[row]) for row in part)
    return size <= budget and size - tokens <= PADDING * size


def _level(parts: list[list[int]], lengths: np.ndarray | Sequence[int], world: int, packed: bool) -> list[list[int]]:
    """Halves the largest micro batches until all workers have as many; the largest come first."""
    wanted = max(1, math.ceil(len(parts) / world)) * world
    while len(parts) < wanted:
        several = [part for part in parts if len(part) > 1]
        if not several:
            break
        largest = max(several, key=lambda part: (positions(part, lengths, packed), part))
        middle = (len(largest) + 1) // 2
        parts = [part for part in parts if part is not largest] + [largest[:middle], largest[middle:]]
    ordered = sorted(parts, key=lambda part: (-positions(part, lengths, packed), part))
    return ordered + [[] for _ in range(wanted - len(parts))]
