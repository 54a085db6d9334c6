"""One seed for each rollout, through verl's ``agent_loop_manager_class`` knob.

verl's rollouts share the engine's random numbers, so what is drawn for one depends on which
others happen to be computed beside it. A seed of its own, derived from what a rollout is of,
makes it the same in any company and in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ray
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ

from sfray.seeds import derive


def seed_of(base: int, trajectory: Mapping[str, Any], question: str, repetition: int) -> int:
    """The seed of a rollout.

    Args:
        base: ``actor_rollout_ref.rollout.seed``, which is derived from ``run.seed``.
        trajectory: verl's ``step`` and ``validate``.
        question: Id of the question.
        repetition: Which of the question's rollouts it is, from 0.
    """
    kind = "validation" if trajectory["validate"] else "training"
    return derive(base, kind, int(trajectory["step"]), question, repetition)


class SeededAgentLoopWorker(AgentLoopWorkerTQ.__ray_metadata__.modified_class):  # type: ignore[misc, name-defined] # an actor's class
    """verl's agent loop worker, which gives each request a seed where ``trainer.v1.sfray.seeded`` asks for it."""

    async def _run_agent_loop(self, sampling_params: dict[str, Any], trajectory: dict[str, Any], **kwargs: Any) -> Any:
        if self.config.trainer.v1.get("sfray", {}).get("seeded", False):
            base = self.config.actor_rollout_ref.rollout.seed
            seed = seed_of(base, trajectory, kwargs["extra_info"]["id"], kwargs["session_id"])
            sampling_params = {**sampling_params, "seed": seed}
        return await super()._run_agent_loop(sampling_params, trajectory=trajectory, **kwargs)


class SeededAgentLoopManager(AgentLoopManagerTQ):
    """Starts :class:`SeededAgentLoopWorker`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes verl's arguments."""
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(SeededAgentLoopWorker)
