"""The FSDP2 engine for device "cpu", registered through verl's EngineRegistry.

verl imports the module named by ``actor_rollout_ref.model.external_lib`` in each worker
before it builds an engine.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

import torch
from torch.distributed.fsdp import CPUOffloadPolicy
from verl.workers.engine.base import EngineRegistry
from verl.workers.engine.fsdp import transformer_impl
from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithLMHead


def unpinned(pin_memory: bool = True) -> CPUOffloadPolicy:  # noqa: ARG001 - the signature is torch's
    """An offload policy without pinned memory, which needs an accelerator."""
    return CPUOffloadPolicy(pin_memory=False)


@EngineRegistry.register(model_type="language_model", backend="fsdp2", device="cpu")
class CpuFSDP2Engine(FSDPEngineWithLMHead):
    """verl's FSDP2 engine, but a forward-only (reference) model is not pinned."""

    def _build_fsdp_module(self, module: torch.nn.Module) -> Any:
        with mock.patch.object(transformer_impl, "CPUOffloadPolicy", unpinned):
            return super()._build_fsdp_module(module)
