"""What a model must do for SFT to be right, tried on two tiny rows before the first step."""

from __future__ import annotations

from collections.abc import Callable

import torch

from sfray.training.sft.batch import IGNORED

LENGTH = 12
"""Tokens of a row of the probe."""

DISAGREEMENT = {"float32": 1e-4, "bfloat16": 5e-3}
"""Largest relative difference between a loss whole and in pieces: rounding, and no more."""

Loss = Callable[..., torch.Tensor]
"""The forward pass of an :class:`~sfray.training.sft.loss.Objective`, or of what wraps it."""


def rows(vocabulary: int, device: torch.device, first: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two rows laid end to end: ids, targets of the second alone, and positions, each (1, 2 x LENGTH).

    Args:
        vocabulary: Rows of the embedding.
        device: Where the model is.
        first: Which tokens the first row has; the second has the same ones for any.
    """
    one = (torch.arange(LENGTH) * 7 + 1 + first) % vocabulary
    two = (torch.arange(LENGTH) * 5 + 2) % vocabulary
    targets = torch.full((2 * LENGTH,), IGNORED)
    targets[LENGTH:-1] = two[1:]
    positions = torch.arange(LENGTH).repeat(2)
    ids = torch.cat([one, two])
    return ids[None].to(device), targets[None].to(device), positions[None].to(device)


def isolates(loss: Loss, vocabulary: int, device: torch.device) -> bool:
    """Whether the rows of a pack do not see each other: other tokens in the first change nothing in the second."""
    with torch.no_grad():
        one, other = (loss(*rows(vocabulary, device, first)) for first in (0, 3))
    return bool(one == other)


def agrees(loss: Loss, vocabulary: int, device: torch.device, dtype: str) -> bool:
    """Whether a loss in pieces is the loss, so nothing happens to logits but the output layer."""
    ids, targets, _ = rows(vocabulary, device)
    with torch.no_grad():
        whole, pieces = loss(ids, targets), loss(ids, targets, None, 2)
    return bool((whole - pieces).abs() <= DISAGREEMENT[dtype] * whole.abs())


def faults(loss: Loss, vocabulary: int, device: torch.device, dtype: str, packed: bool, pieces: bool) -> list[str]:
    """A line for each setting that this model cannot be trained with.

    Args:
        loss: Takes ids, targets, positions and a number of pieces; collective where weights are shared out.
        vocabulary: Rows of the embedding.
        device: Where the model is.
        dtype: ``model.dtype``.
        packed: Whether rows will be laid end to end.
        pieces: Whether losses may be computed in pieces.
    """
    found = []
    if packed and not isolates(loss, vocabulary, device):
        found.append(
            "model.attention: rows laid end to end see each other, as the model does not find their borders in "
            "position_ids; set model.attention=sdpa, which pads instead"
        )
    if pieces and not agrees(loss, vocabulary, device, dtype):
        found.append(
            "sft.logits_gib: a loss in pieces is not this model's loss, as more than its output layer makes its "
            "logits; set sft.logits_gib=0"
        )
    return found
