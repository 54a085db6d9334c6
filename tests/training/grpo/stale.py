"""A rollout whose weights stay as they came first: verl's ``worker_extension_cls`` for the guard's test."""

from __future__ import annotations

from typing import Any

from sfray.training.grpo.verl_cpu.worker_extension import CpuWorkerExtension


class StaleWorkerExtension(CpuWorkerExtension):
    """Receives every update and loads the first alone."""

    def update_weights_from_ipc(self, *args: Any, **kwargs: Any) -> None:
        """Counts the updates."""
        self.updates = getattr(self, "updates", 0) + 1
        super().update_weights_from_ipc(*args, **kwargs)

    def _update_weights(self, *args: Any, **kwargs: Any) -> None:
        if self.updates == 1:
            super()._update_weights(*args, **kwargs)
