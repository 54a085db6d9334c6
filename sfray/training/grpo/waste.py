"""What a step wastes: padded positions in the actor's passes, rollouts that are done and wait."""

from __future__ import annotations

from collections.abc import Sequence


def padded(passes: Sequence[Sequence[int]]) -> float:
    """Share of positions that are padding, where each pass is padded to its longest sequence.

    Args:
        passes: For each forward pass, the lengths of its sequences in tokens.
    """
    positions = sum(len(lengths) * max(lengths) for lengths in passes if lengths)
    return 1 - sum(map(sum, passes)) / positions if positions else 0.0


def like_lengths(lengths: Sequence[int], size: int) -> list[int]:
    """Indices that bring sequences of like length together, within each run of ``size`` of them.

    Args:
        lengths: Of the sequences, in tokens.
        size: Sequences of a run: those of one rank and one mini batch, so that no mini batch gets others.
    """
    runs = [range(i, min(i + size, len(lengths))) for i in range(0, len(lengths), size)]
    return [at for run in runs for at in sorted(run, key=lengths.__getitem__)]


def idle(seconds: Sequence[float]) -> float:
    """Share of the rollouts' time that passes after a rollout is done and before the last one is.

    Args:
        seconds: For each rollout, from the step's request to its last token.
    """
    longest = max(seconds, default=0.0)
    return 1 - sum(seconds) / (len(seconds) * longest) if longest > 0 else 0.0


def fixed(lengths: Sequence[int], size: int) -> list[list[int]]:
    """The passes over a rank's sequences, ``size`` of them at a time."""
    return [list(lengths[i : i + size]) for i in range(0, len(lengths), size)]
