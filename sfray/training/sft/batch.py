"""A micro batch of training rows as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sfray.training.sft.data import Rows

IGNORED = -100
"""Target of a position that does not count."""


@dataclass(frozen=True)
class Batch:
    """A micro batch: B rows of T positions; B is 1 when rows are packed.

    Attributes:
        input_ids: (B, T) int64.
        targets: (B, T) int64, the next token of each position, or ``IGNORED``.
        position_ids: (1, T), starting over at each packed row; None when padded.
        tokens: Positions that are not padding.
        squares: Sum of the squares of the rows' lengths.
    """

    input_ids: torch.Tensor
    targets: torch.Tensor
    position_ids: torch.Tensor | None
    tokens: int
    squares: int

    @property
    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """What a model and its loss are given."""
        return self.input_ids, self.targets, self.position_ids

    @property
    def positions(self) -> int:
        """Positions that the model computes, padding included."""
        return self.input_ids.numel()

    @property
    def loss_tokens(self) -> int:
        """Positions that count in the loss."""
        return int((self.targets != IGNORED).sum())

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        positions = None if self.position_ids is None else self.position_ids.to(device)
        return Batch(self.input_ids.to(device), self.targets.to(device), positions, self.tokens, self.squares)


def packs(attention: str) -> bool:
    """Whether rows of a micro batch are laid end to end.

    Flash attention then reads the borders off the positions and nothing is spent on
    padding. With ``sdpa`` the borders would need a dense mask over all rows, which costs
    more than padding rows of like length.
    """
    return attention.startswith("flash_attention")


def collate(rows: Rows, chosen: Sequence[int], pad: int, packed: bool = False) -> Batch:
    """Builds a micro batch.

    Padding needs no attention mask: it comes last, where a causal model cannot see it,
    and counts in no loss. An empty choice gives one position without a loss, so that
    every worker runs the same number of passes.
    """
    pairs = [(_long(rows.tokens(i)), int(rows.prompt_tokens[i])) for i in chosen]
    pairs = pairs or [(torch.tensor([pad]), 1)]
    inputs = [ids for ids, _ in pairs]
    targets = [_targets(ids, prompt) for ids, prompt in pairs]
    lengths = [len(rows.tokens(i)) for i in chosen]
    sums = sum(lengths), sum(n * n for n in lengths)
    if packed:
        positions = torch.cat([torch.arange(len(ids)) for ids in inputs])[None]
        return Batch(torch.cat(inputs)[None], torch.cat(targets)[None], positions, *sums)
    pad_rows = torch.nn.utils.rnn.pad_sequence
    return Batch(pad_rows(inputs, True, pad), pad_rows(targets, True, IGNORED), None, *sums)


def _long(ids: Any) -> torch.Tensor:
    return torch.from_numpy(ids.astype("int64"))


def _targets(ids: torch.Tensor, prompt_tokens: int) -> torch.Tensor:
    targets = torch.full_like(ids, IGNORED)
    targets[prompt_tokens - 1 : -1] = ids[prompt_tokens:]
    return targets
