"""verl's own replay buffer at the stage's pace: bare verl looks for rollouts every 2 s, which is no cost of its own."""

from __future__ import annotations

from typing import Any

from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer


class PacedReplayBuffer(ReplayBuffer):
    """Loaded through verl's ``trainer.v1.sampler.custom_sampler``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes verl's arguments, and ``poll_interval`` from ``sampler_kwargs``."""
        super().__init__(*args, **kwargs, poll_interval=kwargs["sampler_kwargs"]["poll_interval"])
