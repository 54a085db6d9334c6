"""Peaks of accelerators, as their makers give them: dense, no sparsity."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True)
class Hardware:
    """One accelerator, or one CPU core.

    Attributes:
        flops: Peak of dense arithmetic, per second, in the type that models are held in.
        bandwidth: Of memory, bytes per second.
        memory: Bytes.
        source: Where the figures are from.
    """

    flops: float
    bandwidth: float
    memory: float
    source: str


GPUS = {
    "a100": Hardware(312e12, 2.039e12, 80 * GIB, "NVIDIA A100 80GB SXM datasheet"),
    "h100": Hardware(989e12, 3.35e12, 80 * GIB, "NVIDIA H100 SXM datasheet"),
    "h200": Hardware(989e12, 4.8e12, 141 * GIB, "NVIDIA H200 SXM datasheet"),
    "l40s": Hardware(362e12, 0.864e12, 48 * GIB, "NVIDIA L40S datasheet"),
}
"""GPUs by the name that is part of what CUDA calls them; arithmetic in bfloat16."""

CPU_CORE = Hardware(5e10, 8e9, 8 * GIB, "a round figure for one core with AVX-512, float32")


def gpu(name: str) -> Hardware | None:
    """The GPU that CUDA calls so, as in ``NVIDIA H100 80GB HBM3``; None for one that is not listed."""
    words = name.lower().replace("-", " ").split()
    return next((hardware for known, hardware in GPUS.items() if known in words), None)
