"""How models are trained: SFT on traces, GRPO against the reward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SftConfig:
    """Full fine-tuning on the assistant turn (Ray Train + DeepSpeed).

    Attributes:
        workers: Data-parallel workers.
        batch: Sequences per optimizer step, over all workers.
        micro_batch: Sequences per forward pass of one worker.
        zero: DeepSpeed ZeRO stage, 0 to 3.
        max_length: Longest prompt + response in tokens.
        max_steps: Stops early; 0 for whole epochs.
        save_every: Steps between checkpoints.
        keep: Checkpoints kept.
        deepspeed: Merged over the DeepSpeed config that sfray writes.
    """

    workers: int = 1
    cpus_per_worker: float = 1.0
    batch: int = 1
    micro_batch: int = 1
    zero: int = 2
    epochs: int = 2
    lr: float = 1e-6
    schedule: str = "cosine"
    warmup_ratio: float = 0.05
    weight_decay: float = 1e-4
    betas: list[float] = field(default_factory=lambda: [0.9, 0.95])
    clip: float = 1.0
    max_length: int = 4096
    max_steps: int = 0
    gradient_checkpointing: bool = True
    save_every: int = 100
    keep: int = 2
    max_failures: int = 2
    deepspeed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RolloutConfig:
    """verl's vLLM rollout."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_num_seqs: int = 2048
    max_num_batched_tokens: int = 16384
    gpu_memory_utilization: float = 0.8
    tensor_parallel: int = 1


@dataclass(frozen=True)
class GrpoConfig:
    """GRPO with a 0/1 reward in verl (paper section 4, released command).

    Attributes:
        init: The model to start from: ``sft`` or ``base`` (RL only).
        batch: Prompts per step.
        mini_batch: Prompts per optimizer step; divides ``batch``.
        micro_batch: Sequences per forward pass of one rank.
        n: Rollouts per prompt, the group of the advantage.
        kl_coef: 0 trains without a reference model.
        loss: How verl averages the loss; with ``seq-mean-token-mean`` each response weighs the same.
        validate_first: Measure the accuracy before the first step too.
        forward_prefetch: Gather the next layer's weights while one layer computes.
        max_failures: Restarts from the last checkpoint, each after at least one more step than the one before.
        timeout_minutes: Hard limit on one launch of verl.
        overrides: Further overrides of verl's own config, ``key=value``.
    """

    init: str = "sft"
    nodes: int = 1
    ranks_per_node: int = 4
    batch: int = 256
    mini_batch: int = 32
    micro_batch: int = 4
    n: int = 16
    steps: int = 150
    lr: float = 1e-6
    kl_coef: float = 0.0
    entropy_coef: float = 0.0
    loss: str = "seq-mean-token-mean"
    validate_first: bool = True
    forward_prefetch: bool = True
    max_prompt: int = 512
    max_response: int = 4096
    gradient_checkpointing: bool = True
    activation_offload: bool = True
    save_every: int = 25
    test_every: int = 25
    keep: int = 2
    max_failures: int = 2
    timeout_minutes: float = 24 * 60.0
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    logger: list[str] = field(default_factory=lambda: ["console", "file"])
    overrides: list[str] = field(default_factory=list)
