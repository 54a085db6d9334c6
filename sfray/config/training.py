"""How models are trained: SFT on traces, GRPO against the reward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from sfray.config.marks import ABOVE_ZERO, AT_LEAST_ONE, FRACTION, NOT_NEGATIVE, SHARE, SPEED_ONLY, OneOf

LOSSES = ("token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm")
"""How verl averages the loss over tokens and sequences: ``agg_loss`` of its ``core_algos.py``, version 0.9.1."""

ALL_LINEAR = "all-linear"
"""peft's name for all linear modules but the output layer."""


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adapters in place of full fine-tuning (peft), merged into the weights when the model is saved.

    Attributes:
        rank: Of the matrices that are trained; 0 trains all weights.
        alpha: Their product is scaled by ``alpha / rank``.
        dropout: Share of an adapter's inputs that are dropped while training.
        target_modules: The modules that get an adapter: the last parts of their names, or ``[all-linear]`` for all
            linear ones but the output layer.
    """

    rank: Annotated[int, NOT_NEGATIVE] = 0
    alpha: Annotated[float, ABOVE_ZERO] = 32.0
    dropout: Annotated[float, SHARE] = 0.0
    target_modules: list[str] = field(default_factory=lambda: [ALL_LINEAR])


@dataclass(frozen=True)
class SftConfig:
    """Fine-tuning on the assistant turn (Ray Train + DeepSpeed).

    Attributes:
        workers: Data-parallel workers.
        min_workers: How few of them go on where nodes were lost; null waits until all have room. A step stays the
            same, up to the order of its sums.
        batch: Sequences per optimizer step, over all workers.
        micro_batch: Sequences per forward pass of one worker.
        micro_tokens: Positions per forward pass of one worker, padding included, in place of ``micro_batch``; a
            longer sequence has a pass of its own. Null keeps ``micro_batch``.
        logits_gib: Most float32 logits of one worker at a time, in GiB; a loss that needs more is computed in pieces,
            whose logits are computed again in the backward pass. 0 computes all at once.
        zero: DeepSpeed ZeRO stage, 0 to 3.
        lora: Adapters in place of full fine-tuning.
        max_length: Longest prompt + response in tokens.
        max_steps: Stops early; 0 for whole epochs.
        save_every: Steps between checkpoints.
        keep: Checkpoints kept.
        deepspeed: Merged over the DeepSpeed config that sfray writes.
    """

    workers: Annotated[int, AT_LEAST_ONE] = 1
    min_workers: Annotated[int | None, AT_LEAST_ONE, SPEED_ONLY] = None
    cpus_per_worker: Annotated[float, ABOVE_ZERO, SPEED_ONLY] = 1.0
    batch: Annotated[int, AT_LEAST_ONE] = 1
    micro_batch: Annotated[int, AT_LEAST_ONE] = 1
    micro_tokens: Annotated[int | None, AT_LEAST_ONE] = None
    logits_gib: Annotated[float, NOT_NEGATIVE] = 1.0
    zero: int = 2
    lora: LoraConfig = field(default_factory=LoraConfig)
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

    @property
    def fewest_workers(self) -> int:
        """How few workers it runs with."""
        return self.workers if self.min_workers is None else self.min_workers

    @property
    def fewest_key(self) -> str:
        """The config key that says so."""
        return "sft.workers" if self.min_workers is None else "sft.min_workers"


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
        nodes: Nodes with ``ranks_per_node`` ranks on each. On CPU more than one needs a cluster whose nodes offer
            their ranks as GPUs, ``ray start --num-gpus``: verl counts those alone.
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
        test_every: Steps between two measurements of the accuracy; the last step has one too. Null makes none: for a
            run whose model is evaluated anyway.
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
    test_every: Annotated[int | None, AT_LEAST_ONE] = 25
    keep: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 2
    max_failures: Annotated[int, NOT_NEGATIVE, SPEED_ONLY] = 2
    timeout_minutes: Annotated[float, ABOVE_ZERO, SPEED_ONLY] = 24 * 60.0
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    logger: Annotated[list[str], SPEED_ONLY] = field(default_factory=lambda: ["console", "file"])
    overrides: list[str] = field(default_factory=list)

    def joins_cluster(self, device: str) -> bool:
        """Whether verl works in the cluster of the other stages. On one node's CPU it has a Ray of its own."""
        return device == "cuda" or self.nodes > 1


def sft_problems(sft: SftConfig) -> Iterator[str]:
    """Yields a line for each value, or pair of values, that SFT cannot work with."""
    if sft.zero not in (0, 1, 2, 3):
        yield f"sft.zero: {sft.zero} is not a ZeRO stage (0, 1, 2 or 3)"
    per_step = sft.workers * sft.micro_batch
    if sft.micro_tokens is None and per_step > 0 and sft.batch % per_step:
        yield f"sft.batch: {sft.batch} is not a multiple of sft.workers x sft.micro_batch = {per_step}"
    if sft.fewest_workers > sft.workers:
        yield f"sft.min_workers: {sft.min_workers} is more than sft.workers = {sft.workers}"
    if len(sft.betas) != 2:
        yield f"sft.betas: two numbers are needed, got {sft.betas}"
    elif not all(0 <= beta < 1 for beta in sft.betas):
        yield f"sft.betas: {sft.betas} must be at least 0 and below 1"
    if sft.lora.rank > 0:
        yield from _lora_problems(sft)


def _lora_problems(sft: SftConfig) -> Iterator[str]:
    if sft.zero == 3:
        yield "sft.lora.rank: adapters need sft.zero 0, 1 or 2; stage 3 shares out weights, which are frozen here"
    targets = sft.lora.target_modules
    if not targets:
        yield f"sft.lora.target_modules: at least one is needed, as in [{ALL_LINEAR}]"
    elif ALL_LINEAR in targets and len(targets) > 1:
        yield f"sft.lora.target_modules: {ALL_LINEAR} stands alone, it has all linear modules already"


def grpo_problems(grpo: GrpoConfig) -> Iterator[str]:
    """Yields a line for each value, or pair of values, that GRPO cannot work with."""
    ranks = grpo.nodes * grpo.ranks_per_node
    if grpo.mini_batch > 0 and grpo.batch % grpo.mini_batch:
        yield f"grpo.mini_batch: {grpo.mini_batch} does not divide grpo.batch = {grpo.batch}"
    if ranks > 0 and grpo.mini_batch * grpo.n % ranks:
        yield (
            f"grpo.mini_batch: {grpo.mini_batch} x grpo.n = {grpo.mini_batch * grpo.n} sequences "
            f"do not divide among {ranks} ranks (grpo.nodes x grpo.ranks_per_node)"
        )
    longest = grpo.max_prompt + grpo.max_response
    if grpo.micro_tokens is not None and 0 < grpo.micro_tokens < longest:
        yield (
            f"grpo.micro_tokens: {grpo.micro_tokens} tokens have no room for one sequence of grpo.max_prompt + "
            f"grpo.max_response = {longest}; at least {longest}"
        )
    for i, override in enumerate(grpo.overrides):
        if "=" not in override and not override.startswith("~"):
            yield f"grpo.overrides[{i}]: {override!r} is no override of verl's config: key=value, +key=value or ~key"
    if grpo.n < 2:
        yield f"grpo.n: {grpo.n} rollouts have no group to compare with; at least 2"
    if grpo.rollout.tensor_parallel > 0 and ranks % grpo.rollout.tensor_parallel:
        yield f"grpo.rollout.tensor_parallel: {grpo.rollout.tensor_parallel} does not divide {ranks} ranks"
