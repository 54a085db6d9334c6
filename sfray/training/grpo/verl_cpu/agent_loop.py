"""Rewards computed where the rollouts are, through verl's ``agent_loop_manager_class`` knob.

verl gives rewards a process of their own, which imports verl once more: some 10 seconds
of CPU and 0.7 GiB for a verifier that needs microseconds. The same reward worker serves
inside the agent loop's process instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ray
from verl.experimental.reward_loop import RewardLoopWorker

from sfray.training.grpo.rollouts import SeededAgentLoopManager, SeededAgentLoopWorker


class _Method:
    """A coroutine function, called the way Ray calls a method of an actor."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.remote = function


class LocalRewards:
    """verl's reward worker in this process, with the face of a Ray handle."""

    def __init__(self, config: Any) -> None:
        """Builds the worker; needs the event loop it will serve in."""
        self.compute_score = _Method(RewardLoopWorker(config).compute_score)


class CpuAgentLoopWorker(SeededAgentLoopWorker):
    """The agent loop worker, which asks itself for rewards."""

    async def _compute_score(self, outputs: list[Any], kwargs: dict[str, Any]) -> None:
        if not self.reward_loop_worker_handles:  # type: ignore[has-type]
            self.reward_loop_worker_handles = [LocalRewards(self.config)]
        await super()._compute_score(outputs, kwargs)


class CpuAgentLoopManager(SeededAgentLoopManager):
    """Starts :class:`CpuAgentLoopWorker`. Goes with ``reward.num_workers=0``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes verl's arguments."""
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(CpuAgentLoopWorker)
