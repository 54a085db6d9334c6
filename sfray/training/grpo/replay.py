"""verl's replay buffer, but a failed rollout stops the run, and the others come in order.

verl trains on without the trajectories of a group that raised an error, so a broken
reward would shrink the batch in silence. It also looks for finished rollouts every 2 s;
``trainer.v1.sampler.sampler_kwargs.poll_interval`` sets another pace.

And it hands rollouts on in the order in which they came back, which is the order of
floating-point sums from there on. They are sorted by their keys instead.

And it waits for ever for the rollouts of an actor that has died: see :mod:`sfray.training.grpo.lost`.
"""

from __future__ import annotations

import time
from typing import Any

from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

from sfray.training.grpo.lost import require_all

LOOK_SECONDS = 5.0
"""Between two looks at whether all actors live."""


class StrictReplayBuffer(ReplayBuffer):
    """Loaded through verl's ``trainer.v1.sampler.custom_sampler``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes verl's arguments, and ``poll_interval`` from ``sampler_kwargs``."""
        poll_interval = kwargs["sampler_kwargs"].get("poll_interval")
        if poll_interval is not None:
            kwargs["poll_interval"] = poll_interval
        super().__init__(*args, **kwargs)
        self._counts: tuple[int, ...] = ()
        self._looked = time.monotonic()

    def _wait_for_next_poll(self, partition_id: str, last_debug_time: float) -> float:
        # verl reports the counts every minute, also when nothing moves; a log that is silent
        # then lets the watch see a hang.
        groups = (self.pending_keys, self.running_keys, self.finished_keys)
        counts = tuple(len(keys[partition_id]) for keys in groups)
        if counts == self._counts:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._looked = time.monotonic()
                require_all()
            time.sleep(self.poll_interval)
            return last_debug_time
        self._counts = counts
        return super()._wait_for_next_poll(partition_id, last_debug_time)

    def _sync_metadata_from_transfer_queue(self) -> None:
        super()._sync_metadata_from_transfer_queue()
        failed = sorted(key for keys in self.failure_keys.values() for key in keys)
        if failed:
            raise RuntimeError(
                f"{len(failed)} rollout group(s) failed, in the engine or in the reward; "
                "their errors are above this one in the log"
            )

    def _materialize_batch(
        self, partition_id: str, selected_prompt_uids: list[str], partition_snapshot: dict[str, dict[str, Any]]
    ) -> Any:
        ordered = dict(sorted(partition_snapshot.items(), key=lambda item: place(item[0])))
        return super()._materialize_batch(partition_id, selected_prompt_uids, ordered)


def place(key: str) -> tuple[str, int, int]:
    """Where a rollout belongs: its prompt, its number among that prompt's rollouts, its part.

    Args:
        key: verl's ``<prompt>_<rollout>_<part>``.
    """
    prompt, rollout, part = key.split("_")
    return prompt, int(rollout), int(part)
