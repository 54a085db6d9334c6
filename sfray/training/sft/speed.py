"""How much arithmetic a step of training achieved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfray.compute.hardware import gpu

if TYPE_CHECKING:
    import torch


def speed(operations: float, seconds: float, workers: int, device: torch.device) -> dict[str, float]:
    """Arithmetic that a worker achieved.

    Args:
        operations: Of all workers, see :func:`sfray.compute.operations.training`.
        seconds: Of the step.
        workers: How many shared it.
        device: Of one of them.

    Returns:
        ``tflops``, 1e12 operations a second and worker; and ``mfu``, their share of the GPU's peak in bfloat16,
        where that is known.
    """
    import torch

    achieved = operations / seconds / workers
    known = gpu(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
    return {"tflops": float(f"{achieved / 1e12:.4g}")} | ({"mfu": round(achieved / known.flops, 4)} if known else {})
