"""The loss over a micro batch's assistant tokens, whole or in pieces that never hold all logits at once."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from sfray.compute.hardware import GIB
from sfray.compute.shape import Shape
from sfray.training.sft.batch import IGNORED


class Objective(torch.nn.Module):
    """A causal language model whose forward pass is its loss: what DeepSpeed wraps.

    Attributes:
        model: Of ``transformers``, or one of peft around it.
        shape: Its sizes, without adapters.
        adapters: Weights of its adapters, the only ones that are trained then; 0 without.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        sizes = [(getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in model.parameters()]  # or partitioned
        frozen = sum(size for size, trained in sizes if not trained)
        trained = sum(size for size, trained in sizes if trained)
        self.adapters = trained if frozen else 0
        self.shape = Shape.of(model.config, frozen or trained)

    def forward(
        self,
        input_ids: torch.Tensor,
        targets: torch.Tensor,
        position_ids: torch.Tensor | None = None,
        pieces: int = 1,
    ) -> torch.Tensor:
        """See :func:`loss_sum`."""
        return loss_sum(self.model, input_ids, targets, position_ids, pieces)


def count_pieces(loss_tokens: int, vocabulary: int, logits_gib: float) -> int:
    """Pieces of a loss whose float32 logits each stay within ``sft.logits_gib``, which has no limit at 0."""
    return max(1, math.ceil(loss_tokens * vocabulary * 4 / (logits_gib * GIB))) if logits_gib else 1


def loss_sum(
    model: Any,
    input_ids: torch.Tensor,
    targets: torch.Tensor,
    position_ids: torch.Tensor | None = None,
    pieces: int = 1,
) -> torch.Tensor:
    """Sum of the negative log-likelihoods of the assistant's tokens, in nats.

    Whole, logits are computed for the columns that hold a target: with a large vocabulary they are most of the memory
    of a step. In pieces, those of one piece of the tokens that count exist at a time, and again in the backward pass.

    Args:
        model: A causal language model of ``transformers``.
        input_ids: (B, T), as the other two of a :class:`~sfray.training.sft.batch.Batch`.
        targets: (B, T).
        position_ids: (1, T), or None.
        pieces: Number of pieces; the same for all workers where weights are gathered for each (ZeRO 3).

    Returns:
        A scalar, float32.
    """
    inputs = {"input_ids": input_ids, "position_ids": position_ids, "use_cache": False}
    counted = targets != IGNORED
    if pieces > 1:
        hidden = model.get_decoder()(**inputs).last_hidden_state[counted]
        parts = zip(hidden.tensor_split(pieces), targets[counted].tensor_split(pieces), strict=True)
        head = model.get_output_embeddings()
        losses = [checkpoint(_piece, head, states, part, use_reentrant=False) for states, part in parts]
        return torch.stack(losses).sum()
    columns = counted.any(0).nonzero()[:, 0]
    if not len(columns):
        columns = columns.new_zeros(1)
    logits = model(**inputs, logits_to_keep=columns).logits
    return _negative_log_likelihood(logits.flatten(0, 1), targets[:, columns].flatten())


def _piece(head: torch.nn.Module, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return _negative_log_likelihood(head(states), targets)


def _negative_log_likelihood(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum")
