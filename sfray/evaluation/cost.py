"""What fine-tuning on a set of traces would cost, roughly: steps, tokens, FLOPs."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfray.config import SftConfig

_MAX_HEADER = 100 << 20  # safetensors' own limit


@dataclass(frozen=True)
class Cost:
    """An estimate of SFT.

    Attributes:
        steps: Optimizer steps.
        tokens: Tokens seen, over all epochs.
        flops: 6 x parameters x tokens; None without a parameter count.
    """

    steps: int
    tokens: int
    flops: float | None

    def to_json(self) -> dict[str, Any]:
        """As in ``quality.json``."""
        return {"sft_steps": self.steps, "sft_tokens": self.tokens, "sft_flops": self.flops}


def sft_cost(traces: int, tokens: int, sft: SftConfig, weights: int | None) -> Cost:
    """Estimates SFT on ``traces`` traces of ``tokens`` tokens in all.

    Source of the FLOPs: forward and backward take 6 per parameter and token
    (Kaplan et al. 2020); attention is left out.
    """
    steps = math.ceil(traces / sft.batch) * sft.epochs
    seen = tokens * sft.epochs
    if sft.max_steps and sft.max_steps < steps:
        steps, seen = sft.max_steps, round(seen * sft.max_steps / steps)
    return Cost(steps, seen, None if weights is None else 6.0 * weights * seen)


def parameters(folder: Path) -> int | None:
    """Weights stored in a model folder, from the headers of its safetensors files; None without any.

    Tied weights are stored, and counted, once.
    """
    files = sorted(folder.glob("*.safetensors"))
    return sum(_stored(path) for path in files) if files else None


def _stored(path: Path) -> int:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MAX_HEADER:
            raise ValueError(f"{path}: not a safetensors file")
        header = json.loads(file.read(length))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
