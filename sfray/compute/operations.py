"""Floating-point operations of training, from sizes: those that the result needs, however it is computed."""

from __future__ import annotations

from sfray.compute.shape import Shape


def training(shape: Shape, tokens: float, logits: float, squares: float, adapters: int = 0) -> float:
    """Operations of a forward and a backward pass.

    A multiplication and an addition for each weight and token, once forward and twice backward: for the gradient of
    the inputs and for that of the weights (6 a weight and token: Kaplan et al. 2020). Frozen weights have no gradient
    of their own. Logits are needed only where the loss is. Attention multiplies queries with keys and weights with
    values, over half of the square of a sequence, as it looks back alone. What gradient checkpointing computes again
    is left out, as in the model FLOPs utilisation of PaLM (Chowdhery et al. 2022, appendix B), and so is padding.

    Args:
        shape: The model's, adapters not counted.
        tokens: Tokens of the sequences.
        logits: Tokens that count in the loss.
        squares: Sum of the squares of the sequences' lengths.
        adapters: Weights of low-rank adapters, the only ones that are trained then; 0 trains all.
    """
    passes = 2 if adapters else 3
    weights = shape.body * tokens + shape.vocabulary * shape.hidden * logits
    attention = 2 * shape.layers * shape.queries * squares
    return passes * 2 * weights + 3 * attention + 3 * 2 * adapters * tokens
