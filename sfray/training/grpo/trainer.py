"""verl's synchronous trainer, guarded: registered as ``trainer.v1.trainer_mode=sfray``.

It adds four things to each step: the check of :mod:`sfray.training.grpo.guard`, prompts that are
numbered in order instead of named at random, passes of like length, and the figures of
:mod:`sfray.training.grpo.waste`.
Its settings are ``trainer.v1.sfray``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import transfer_queue as tq
from omegaconf import DictConfig
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils import tensordict_utils
from verl.utils.debug.metrics import calculate_debug_metrics
from verl.utils.seqlen_balancing import rearrange_micro_batches
from verl.workers.utils.padding import response_from_nested

from sfray.training.grpo import waste
from sfray.training.grpo.guard import Guard

DIFFERENCE = "training/rollout_probs_diff_mean"


@register_trainer("sfray")
class GuardedTrainer(PPOTrainerSync):
    """verl's synchronous trainer, which stops when the rollout's probabilities are not the actor's."""

    def __init__(self, config: DictConfig) -> None:
        """Takes verl's config; to the rest of verl the mode is ``sync``."""
        settings = config.trainer.v1.sfray
        self.guard = Guard(settings.guard_every, settings.guard_bound)
        self.prompts_fetched = 0
        config = config.copy()
        config.trainer.v1.trainer_mode = "sync"
        super().__init__(config)

    def _fetch_one_gen_batch(self) -> TensorDict:
        """A batch of prompts, named so that their order can be restored when their rollouts have come back."""
        batch = super()._fetch_one_gen_batch()
        first = self.prompts_fetched
        self.prompts_fetched += len(batch)
        tensordict_utils.assign_non_tensor_stack(
            batch, "uid", [f"{i:012d}" for i in range(first, self.prompts_fetched)]
        )
        return batch

    def _balance_batch(self, batch: Any, *args: Any, **kwargs: Any) -> Any:
        """A batch shared evenly among the ranks, and within each mini batch by length: less padding in a pass."""
        batch = super()._balance_batch(batch, *args, **kwargs)
        batch.reorder(waste.like_lengths([tag["seq_len"] for tag in batch.tags], self._in_a_mini_batch()))
        return batch

    def _in_a_mini_batch(self) -> int:
        """Sequences that a rank has in a mini batch."""
        setting, ranks = self.config.actor_rollout_ref, max(self.actor_rollout_wg._dispatch_info["actor"]) + 1
        return int(setting.actor.ppo_mini_batch_size * setting.rollout.n // ranks)

    def _compute_old_log_prob(self, batch: Any, metrics: dict[str, Any]) -> Any:
        batch = super()._compute_old_log_prob(batch, metrics)
        if self._bypassed():
            if not self.guard.due(self.global_steps):
                return batch
            metrics.update(self._difference(batch))
        self.guard.check(self.global_steps, metrics.get(DIFFERENCE))
        return batch

    def _bypassed(self) -> bool:
        """Whether the old log-probabilities are the rollout's own, so that verl compares nothing."""
        correction = self.config.algorithm.get("rollout_correction")
        return bool(correction and correction.get("bypass_mode", False))

    def _difference(self, batch: Any) -> dict[str, Any]:
        """verl's figures on rollout against actor, by a forward pass of the actor."""
        batch.extra_info.update(
            calculate_entropy=False,
            compute_loss=False,
            temperature=self.config.actor_rollout_ref.rollout.temperature,
        )
        self.actor_rollout_wg.compute_log_prob(batch)
        data = tq.kv_batch_get(
            keys=batch.keys,
            partition_id=batch.partition_id,
            select_fields=["log_probs", "response_mask", "responses", "rollout_log_probs"],
        )
        data["old_log_probs"] = response_from_nested(data.pop("log_probs"), data["response_mask"])
        return dict(calculate_debug_metrics(DataProto(batch=data.to_padded_tensor())))

    def _compute_metrics(
        self, batch: Any, metrics: dict[str, Any], timing_raw: dict[str, float], global_steps: int, epoch: int
    ) -> None:
        super()._compute_metrics(batch, metrics, timing_raw, global_steps=global_steps, epoch=epoch)
        own = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]
        spent = tq.kv_batch_get(keys=own, partition_id=batch.partition_id, select_fields=["metrics"])["metrics"]
        metrics["sfray/idle"] = waste.idle([one["generate_sequences"] for one in spent])
        metrics["sfray/padded"] = waste.padded(list(self._passes([tag["seq_len"] for tag in batch.tags])))

    def _passes(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """The lengths in each forward pass of the actor's update; one sequence a pass where padding is removed.

        Args:
            lengths: Of the step's sequences, in the order in which they go to the ranks, in equal shares.
        """
        setting = self.config.actor_rollout_ref
        if setting.model.use_remove_padding:
            yield from ([length] for length in lengths)
            return
        for mini in waste.fixed(lengths, self._in_a_mini_batch()):
            if setting.actor.use_dynamic_bsz:
                yield from by_tokens(mini, setting.actor.ppo_max_token_len_per_gpu)
            else:
                yield from waste.fixed(mini, setting.actor.ppo_micro_batch_size_per_gpu)


def by_tokens(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """The passes that verl's dynamic batch size makes of a rank's sequences.

    A rank whose neighbours need more passes makes as many; that is left out.

    Args:
        lengths: Of the sequences, in tokens.
        most: Tokens of a pass, at most.
    """
    rows = torch.nested.as_nested_tensor(
        [torch.zeros(length, dtype=torch.uint8) for length in lengths], layout=torch.jagged
    )
    _, chosen = rearrange_micro_batches(TensorDict({"input_ids": rows}, batch_size=len(lengths)), max_token_len=most)
    for indices in chosen:
        yield [lengths[i] for i in indices]
