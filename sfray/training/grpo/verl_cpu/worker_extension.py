"""vLLM's side of weight updates on CPU, through verl's ``worker_extension_cls`` knob."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Self

from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension


def keep_weights_after_packing() -> None:
    """Keeps ``layer.weight`` when vLLM packs it for oneDNN.

    vLLM's CPU backend packs each linear weight and then replaces it by an empty tensor,
    so a second ``load_weights`` fails and the rollout hangs. verl processes weights after
    every update, which packs the new values.
    """
    from vllm.model_executor.layers import utils

    original = utils.dispatch_cpu_unquantized_gemm
    if hasattr(original, "__wrapped__"):
        return
    parameters = list(inspect.signature(original).parameters)
    if parameters != ["layer", "remove_weight"]:
        raise RuntimeError(f"vLLM's dispatch_cpu_unquantized_gemm takes {parameters}")

    @functools.wraps(original)
    def keep(layer: Any, remove_weight: bool) -> None:  # noqa: ARG001 - the signature is vLLM's
        """vLLM's own function, told not to drop the weight it has packed."""
        original(layer, remove_weight=False)

    utils.dispatch_cpu_unquantized_gemm = keep


class CpuWorkerExtension(vLLMColocateWorkerExtension):
    """verl's worker extension, with weights that can be loaded again and again."""

    def __new__(cls, **kwargs: Any) -> Self:
        """Patches vLLM before the worker loads its model."""
        keep_weights_after_packing()
        return super().__new__(cls, **kwargs)
