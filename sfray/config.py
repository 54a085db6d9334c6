"""The typed schema of everything in ``conf/``: one frozen dataclass per group.

The defaults of the method's own groups are the paper's; :mod:`sfray.validation` checks values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

STAGES = ("questions", "attempts", "reflections", "quality", "traces", "sft", "grpo", "evaluate", "report")
"""Every stage, in the order in which data flows."""


@dataclass(frozen=True)
class RunConfig:
    """Where a run lives and what makes it reproducible.

    Attributes:
        name: Folder of the run below ``dir``.
        dir: Storage that every node of the cluster can see.
        seed: The one seed; every other derives from it and from stable ids.
        shard_questions: Questions per shard, the unit of work, retry and resume.
        overwrite: Stages whose earlier output may be thrown away when their config changed.
    """

    name: str = "quickstart"
    dir: str = "runs"
    seed: int = 0
    shard_questions: int = 16
    overwrite: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ModelConfig:
    """The base model: ``tiny`` (embedded), a folder, or a hub name.

    Attributes:
        context: Longest prompt + response, in tokens.
        dtype: Type of weights in every engine: ``float32`` or ``bfloat16``.
        attention: ``sdpa`` or ``flash_attention_2`` (training only; vLLM picks its own).
    """

    path: str = "tiny"
    context: int = 2048
    dtype: str = "float32"
    attention: str = "sdpa"
    trust_remote_code: bool = False


@dataclass(frozen=True)
class EngineConfig:
    """vLLM actors on Ray Data, for sampling, reflection and evaluation.

    Attributes:
        device: ``cpu`` or ``cuda``.
        actors: Size of the actor pool.
        cpus_per_actor: Ray reservation; all actors' must leave one CPU free to read and write, or the pool hangs.
        threads: OMP threads of one CPU engine.
        tensor_parallel: Accelerators per actor.
        kv_cache_gib: KV cache of a CPU engine.
        extra: More keyword arguments of ``vllm.LLM``.
        timeout_minutes: Watchdog: a stage with no finished shard (GRPO: no line in verl's log) for so long is stopped.
    """

    device: str = "cpu"
    actors: int = 1
    cpus_per_actor: float = 0.5
    threads: int = 1
    tensor_parallel: int = 1
    max_num_seqs: int = 256
    max_num_batched_tokens: int | None = None
    gpu_memory_utilization: float = 0.8
    kv_cache_gib: float = 0.5
    enforce_eager: bool = True
    extra: dict[str, Any] = field(default_factory=dict)
    timeout_minutes: float = 30.0


@dataclass(frozen=True)
class SplitConfig:
    """One split of a task's questions.

    Attributes:
        levels: Difficulties of the task.
        count: Questions in all.
        weights: Relative shares of the levels, for tasks that make their questions; even where empty.
    """

    levels: list[str] = field(default_factory=lambda: ["3"])
    count: int = 0
    weights: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class TaskConfig:
    """Which questions. ``options`` belong to the task family, which checks them itself."""

    name: str = "countdown"
    options: dict[str, Any] = field(default_factory=dict)
    sft: SplitConfig = field(default_factory=SplitConfig)
    rl: SplitConfig = field(default_factory=SplitConfig)
    eval: SplitConfig = field(default_factory=SplitConfig)


@dataclass(frozen=True)
class DecodingConfig:
    """How text is drawn from a model (paper section 3: 0.7, 0.8, 20, 1.1).

    Attributes:
        n: Samples per prompt.
        top_k: 0 for no limit.
    """

    n: int = 1
    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 20
    repetition_penalty: float = 1.1
    max_tokens: int = 1024


@dataclass(frozen=True)
class SampleConfig(DecodingConfig):
    """Attempts: ``n`` for each variant of each question.

    Attributes:
        variants: Solve variants of the prompts file.
        hinted: Adds a rationalization twin to each variant.
    """

    n: int = 16
    variants: list[str] = field(default_factory=lambda: ["plain", "plan", "alternatives", "restate"])
    hinted: bool = False


@dataclass(frozen=True)
class ReflectConfig(DecodingConfig):
    """Reflections: ``n`` for each attempt."""

    n: int = 4
    variants: list[str] = field(default_factory=lambda: ["default"])


@dataclass(frozen=True)
class QualityConfig:
    """Floors below which a run stops before training, with advice. 0 switches one off."""

    min_accuracy: float = 0.0
    min_valid_rate: float = 0.0
    min_f1_correct: float = 0.0
    min_f1_incorrect: float = 0.0
    min_traceable_questions: int = 1


@dataclass(frozen=True)
class TraceConfig:
    """How pairs become traces.

    Attributes:
        recipe: A recipe of ``sfray.traces.recipes``, or several joined by ``+``.
        l_max: Most correct pairs of a trace (and, for the released recipes, most pairs).
        n_correct: Correct pairs per trace (``fixed_ratio`` only); ``n_incorrect`` the incorrect ones.
        repeats: Times a recipe with fixed lengths runs over each question.
        sampling_response_counts: Draws the attempts of a ``*C``, ``*C*IC`` or ``*CC`` trace from 2 to ``l_max``.
        distinct_variants: No two attempts of a trace from the same prompt variant.
        variants: Attempts of these variants only; null for all.
        reflections_per_attempt: Valid ones that may each make a pair of an attempt (draining recipes); null for all.
        attempts_per_question: Uses at most so many attempts, each with all its reflections, seeded; null for all.
        max_per_question: Keeps at most so many traces per question, seeded.
        max_tokens: Longest trace; longer ones are rebuilt shorter or rejected, never cut.
    """

    recipe: str = "algorithm1"
    l_max: int = 5
    n_correct: int = 1
    n_incorrect: int = 1
    repeats: int = 1
    sampling_response_counts: bool = False
    distinct_variants: bool = False
    variants: list[str] | None = None
    reflections_per_attempt: int | None = None
    attempts_per_question: int | None = None
    max_per_question: int | None = None
    max_tokens: int = 4096
    builders: int = 1


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


@dataclass(frozen=True)
class EvaluateConfig(DecodingConfig):
    """Sampled accuracy of each model on the ``eval`` split.

    Attributes:
        models: Of ``base``, ``sft``, ``grpo``.
        n_by_task: Samples per question of a task, where they are not ``n``.
        confidence: Of the intervals.
    """

    n: int = 4
    n_by_task: dict[str, int] = field(default_factory=dict)
    models: list[str] = field(default_factory=lambda: ["base", "sft", "grpo"])
    max_tokens: int = 16384
    confidence: float = 0.95

    def samples(self, task: str) -> int:
        """Samples per question of a task."""
        return self.n_by_task.get(task, self.n)


@dataclass(frozen=True)
class ReportConfig:
    """The report page.

    Attributes:
        traces: Traces and responses shown in the browser of each kind.
        published: Table of ``sfray/evaluation/published.yaml`` that the run is set beside.
        beside: Row of it for the GRPO model, an ablation's say; empty for what ``grpo.init`` tells.
    """

    traces: int = 40
    published: str = "qwen2.5-1.5b"
    beside: str = ""


@dataclass(frozen=True)
class ClusterConfig:
    """Which Ray cluster.

    Attributes:
        address: ``local`` starts one; ``auto`` joins the one of this node or job.
        num_cpus: Of a local cluster; null for the machine's own.
        num_gpus: Of a local cluster; null for the machine's own.
        object_store_gib: Of a local cluster.
    """

    address: str = "auto"
    num_cpus: int | None = None
    num_gpus: int | None = None
    object_store_gib: float = 0.5


@dataclass(frozen=True)
class Config:
    """Everything, as composed from ``conf/``."""

    stages: list[str] = field(default_factory=lambda: list(STAGES))
    prompts: str = "default"
    run: RunConfig = field(default_factory=RunConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    reflect: ReflectConfig = field(default_factory=ReflectConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    trace: TraceConfig = field(default_factory=TraceConfig)
    sft: SftConfig = field(default_factory=SftConfig)
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
