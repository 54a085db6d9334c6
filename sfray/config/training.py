"""How models are trained: SFT on traces, GRPO against the reward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from sfray.config.marks import ABOVE_ZERO, AT_LEAST_ONE, FRACTION, NOT_NEGATIVE, SHARE, SPEED_ONLY, OneOf

LOSSES = ("token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm")
"""How verl averages the loss over tokens and sequences: ``agg_loss`` of its ``core_algos.py``, version 0.9.1."""


@dataclass(frozen=True)
class SftConfig:
    """Full fine-tuning on the assistant turn (Ray Train + DeepSpeed).

    Attributes:
        workers: Data-parallel workers.
        batch: Sequences per optimizer step, over all workers.
        micro_batch: Sequences per forward pass of one worker.
        micro_tokens: Positions per forward pass of one worker, padding included, in place of ``micro_batch``; a
            longer sequence has a pass of its own. Null keeps ``micro_batch``.
        zero: DeepSpeed ZeRO stage, 0 to 3.
        max_length: Longest prompt + response in tokens.
        max_steps: Stops early; 0 for whole epochs.
        save_every: Steps between checkpoints.
        keep: Checkpoints kept.
        deepspeed: Merged over the DeepSpeed config that sfray writes.
    """

    workers: Annotated[int, AT_LEAST_ONE] = 1
    cpus_per_worker: Annotated[float, ABOVE_ZERO, SPEED_ONLY] = 1.0
    batch: Annotated[int, AT_LEAST_ONE] = 1
    micro_batch: Annotated[int, AT_LEAST_ONE] = 1
    micro_tokens: Annotated[int | None, AT_LEAST_ONE] = None
    zero: int = 2
    epochs: Annotated[int, AT_LEAST_ONE] = 2
    lr: Annotated[float, ABOVE_ZERO] = 1e-6
    schedule: Annotated[str, OneOf(("cosine", "linear", "constant"))] = "cosine"
    warmup_ratio: Annotated[float, SHARE] = 0.05
    weight_decay: Annotated[float, NOT_NEGATIVE] = 1e-4
    betas: list[float] = field(default_factory=lambda: [0.9, 0.95])
    clip: Annotated[float, ABOVE_ZERO] = 1.0
    max_length: Annotated[int, AT_LEAST_ONE] = 4096
    max_steps: Annotated[int, NOT_NEGATIVE] = 0
    gradient_checkpointing: bool = True
    save_every: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 100
    keep: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 2
    max_failures: Annotated[int, NOT_NEGATIVE, SPEED_ONLY] = 2
    deepspeed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RolloutConfig:
    """verl's vLLM rollout.

    Attributes:
        seeded: Each rollout draws with a seed of its own, derived from ``run.seed``, the step, the question's id and
            the rollout's number; otherwise all draw from the engine's.
    """

    seeded: bool = True
    temperature: Annotated[float, ABOVE_ZERO] = 1.0
    top_p: Annotated[float, FRACTION] = 1.0
    max_num_seqs: Annotated[int, AT_LEAST_ONE] = 2048
    max_num_batched_tokens: Annotated[int, AT_LEAST_ONE] = 16384
    gpu_memory_utilization: Annotated[float, FRACTION] = 0.8
    tensor_parallel: Annotated[int, AT_LEAST_ONE] = 1


@dataclass(frozen=True)
class GrpoConfig:
    """GRPO with a 0/1 reward in verl (paper section 4, released command).

    Attributes:
        batch: Prompts per step.
        mini_batch: Prompts per optimizer step; divides ``batch``.
        micro_batch: Sequences per forward pass of one rank.
        micro_tokens: Tokens per forward pass of one rank, in place of ``micro_batch``: verl packs as many sequences as
            fit. Null keeps ``micro_batch``.
        n: Rollouts per prompt, the group of the advantage.
        kl_coef: 0 trains without a reference model.
        loss: How verl averages the loss; with ``seq-mean-token-mean`` each response weighs the same.
        advantage: verl's estimator of a rollout's advantage; ``normalize`` divides by the group's standard
            deviation (``grpo`` only).
        policy_loss: verl's objective, clipped below ``1 - clip_low`` and above ``1 + clip_high``.
        bypass: Take the old log-probabilities from the rollout instead of a forward pass of the actor.
        guard_bound: Largest mean difference between the rollout's probabilities of its tokens and the actor's; a step
            above it stops the run. 1 never does.
        guard_every: With ``bypass``, steps between two forward passes that measure that difference; the first step
            after a start always does. Without, every step has it anyway.
        validate_first: Measure the accuracy before the first step too.
        forward_prefetch: Gather the next layer's weights while one layer computes.
        max_failures: Restarts from the last checkpoint, each after at least one more step than the one before.
        timeout_minutes: Hard limit on one launch of verl.
        overrides: Further overrides of verl's own config, ``key=value``.
    """

    nodes: Annotated[int, AT_LEAST_ONE] = 1
    ranks_per_node: Annotated[int, AT_LEAST_ONE] = 4
    batch: Annotated[int, AT_LEAST_ONE] = 256
    mini_batch: Annotated[int, AT_LEAST_ONE] = 32
    micro_batch: Annotated[int, AT_LEAST_ONE] = 4
    micro_tokens: Annotated[int | None, AT_LEAST_ONE] = None
    n: int = 16
    steps: Annotated[int, AT_LEAST_ONE] = 150
    lr: Annotated[float, ABOVE_ZERO] = 1e-6
    kl_coef: Annotated[float, NOT_NEGATIVE] = 0.0
    entropy_coef: Annotated[float, NOT_NEGATIVE] = 0.0
    loss: Annotated[str, OneOf(LOSSES)] = "seq-mean-token-mean"
    advantage: Annotated[str, OneOf(("grpo", "rloo", "reinforce_plus_plus"))] = "grpo"
    normalize: bool = True
    policy_loss: Annotated[str, OneOf(("vanilla", "gspo", "cispo"))] = "vanilla"
    clip_low: Annotated[float, NOT_NEGATIVE] = 0.2
    clip_high: Annotated[float, NOT_NEGATIVE] = 0.2
    bypass: bool = False
    guard_bound: Annotated[float, FRACTION, SPEED_ONLY] = 0.02
    guard_every: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 10
    validate_first: bool = True
    forward_prefetch: bool = True
    max_prompt: Annotated[int, AT_LEAST_ONE] = 512
    max_response: Annotated[int, AT_LEAST_ONE] = 4096
    gradient_checkpointing: bool = True
    activation_offload: bool = True
    save_every: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 25
    test_every: Annotated[int, AT_LEAST_ONE] = 25
    keep: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 2
    max_failures: Annotated[int, NOT_NEGATIVE, SPEED_ONLY] = 2
    timeout_minutes: Annotated[float, ABOVE_ZERO, SPEED_ONLY] = 24 * 60.0
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    logger: Annotated[list[str], SPEED_ONLY] = field(default_factory=lambda: ["console", "file"])
    overrides: list[str] = field(default_factory=list)
