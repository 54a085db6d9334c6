"""Bytes that a worker of SFT holds at most, from sizes: derived in docs/training.md, tested against measured peaks."""

from __future__ import annotations

from dataclasses import dataclass

from sfray.compute.shape import Shape

BUCKET = 5 * 10**8
"""Gradients that ZeRO 1 and 2 gather before they send them: ``reduce_bucket_size`` of DeepSpeed 0.19."""


@dataclass(frozen=True)
class Work:
    """What a worker is given.

    Attributes:
        positions: Of a micro batch, padding included.
        loss_tokens: Of them, those that count in the loss.
        pieces: Of the loss, see :func:`sfray.training.sft.loss.loss_sum`.
        checkpointing: Whether only the layers' inputs are kept for the backward pass.
        width: Bytes of a weight, 4 or 2.
        zero: Stage of ZeRO.
        workers: That share out what the stage shares.
        adapters: Weights of low-rank adapters, the only ones that are trained then; 0 trains all.
    """

    positions: int
    loss_tokens: int
    pieces: int = 1
    checkpointing: bool = False
    width: int = 2
    zero: int = 0
    workers: int = 1
    adapters: int = 0


@dataclass(frozen=True)
class Memory:
    """Bytes of a worker.

    Attributes:
        weights: In the type of the model.
        gradients: Of the trained ones, with the buckets in which they travel.
        optimizer: Adam's moments, and the float32 weights that they change.
        kept: What layers keep for the backward pass.
        working: What the loss takes, or the layer whose backward pass takes most, whichever is more.
    """

    weights: int
    gradients: int
    optimizer: int
    kept: int
    working: int

    @property
    def total(self) -> int:
        """The peak."""
        return self.weights + self.gradients + self.optimizer + self.kept + self.working


def sft(shape: Shape, work: Work) -> Memory:
    """The peak of a worker while it trains, without the process itself, communication and what allocators waste."""
    trained, width, n = work.adapters or shape.parameters, work.width, work.positions
    weights = width * (shape.parameters + work.adapters)
    gradients = width * trained
    # plain Adam has two moments; ZeRO, and any training in bfloat16, a float32 copy of the weights besides
    optimizer = trained * (8 if work.zero == 0 and width == 4 else 12)
    if work.zero >= 1:
        optimizer //= work.workers
    if work.zero >= 2:
        gradients //= work.workers
    if work.zero == 3:
        weights //= work.workers
    elif work.zero:
        gradients += width * min(BUCKET, trained)
    layer = n * layer_bytes(shape, width)
    kept = n * shape.layers * width * shape.hidden if work.checkpointing else shape.layers * layer
    # the last norm: its input and its scaled input, and twice its output, once for the positions that count
    kept += n * (width + 8) * shape.hidden
    backward = n * width * shape.intermediate + (layer if work.checkpointing else 0)
    return Memory(weights, gradients, optimizer, kept, max(loss_bytes(shape, work), backward))


def layer_bytes(shape: Shape, width: int) -> int:
    """What a layer keeps of a position.

    In the model's type: the scaled inputs of both norms and their outputs, which the projections read; queries, keys,
    values and the output of attention; gate, its activation, the other half, and their product. In float32: the inputs
    of both norms.
    """
    wide = 4 * shape.hidden + 2 * shape.queries + 2 * shape.keys + 4 * shape.intermediate
    return width * wide + 8 * shape.hidden


def loss_bytes(shape: Shape, work: Work) -> int:
    """What the loss takes at its worst, in its backward pass: log-probabilities and two gradients, all float32.

    In pieces, one piece's, and a gradient of the output layer that is yet to be added to the others'.
    """
    piece = -(-work.loss_tokens // work.pieces)
    more = work.width * shape.vocabulary * shape.hidden if work.pieces > 1 and not work.adapters else 0
    return 12 * piece * shape.vocabulary + more
