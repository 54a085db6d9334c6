"""Where a run lives, on which machines, with which model and questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from sfray.config.marks import ABOVE_ZERO, AT_LEAST_ONE, FRACTION, NOT_NEGATIVE, SPEED_ONLY, OneOf


@dataclass(frozen=True)
class RunConfig:
    """Where a run lives and what makes it reproducible.

    Attributes:
        name: Folder of the run below ``dir``.
        dir: Storage that every node of the cluster can see.
        seed: The one seed; every other derives from it and from stable ids.
        shard_questions: Questions per shard, the unit of work, retry and resume.
    """

    name: Annotated[str, SPEED_ONLY] = "quickstart"
    dir: Annotated[str, SPEED_ONLY] = "runs"
    seed: int = 0
    shard_questions: Annotated[int, AT_LEAST_ONE] = 16


@dataclass(frozen=True)
class ModelConfig:
    """The base model: ``tiny`` or ``nano`` (embedded), a folder, or a hub name.

    Attributes:
        context: Longest prompt + response, in tokens.
        dtype: Type of weights in every engine: ``float32`` or ``bfloat16``.
        attention: ``sdpa`` or ``flash_attention_2`` (training only; vLLM picks its own).
    """

    path: str = "tiny"
    context: Annotated[int, AT_LEAST_ONE] = 2048
    dtype: Annotated[str, OneOf(("float32", "bfloat16"))] = "float32"
    attention: Annotated[str, OneOf(("sdpa", "flash_attention_2"))] = "sdpa"
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
        shards_in_flight: Shards that an actor samples at once, so that the longest responses of one do not keep it from
            the next; a lost actor's are made again.
        kv_cache_gib: KV cache of a CPU engine.
        deterministic: Text does not depend on what shares a batch or the cache; slower (accelerators only).
        extra: More keyword arguments of ``vllm.LLM``.
        timeout_minutes: Watchdog: a stage with no finished shard (GRPO: no line in verl's log) for so long is stopped.
    """

    device: Annotated[str, OneOf(("cpu", "cuda"))] = "cpu"
    actors: Annotated[int, AT_LEAST_ONE] = 1
    cpus_per_actor: Annotated[float, ABOVE_ZERO] = 0.5
    threads: Annotated[int, AT_LEAST_ONE] = 1
    tensor_parallel: Annotated[int, AT_LEAST_ONE] = 1
    shards_in_flight: Annotated[int, AT_LEAST_ONE] = 8
    max_num_seqs: Annotated[int, AT_LEAST_ONE] = 256
    max_num_batched_tokens: Annotated[int | None, AT_LEAST_ONE] = None
    gpu_memory_utilization: Annotated[float, FRACTION] = 0.8
    kv_cache_gib: Annotated[float, NOT_NEGATIVE] = 0.5
    enforce_eager: bool = True
    deterministic: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    timeout_minutes: Annotated[float, ABOVE_ZERO] = 30.0

    def at_once(self, shards: int) -> int:
        """Shards that an actor samples at once.

        An actor that is up before the others must not take all shards of a small stage: it gets half of its share.

        Args:
            shards: Of the stage, or those that are left of it; at least 1.
        """
        return min(self.shards_in_flight, max(1, shards // (2 * min(self.actors, shards))))


@dataclass(frozen=True)
class ClusterConfig:
    """Which Ray cluster.

    Attributes:
        address: ``local`` starts one; ``auto`` joins the one of this node or job.
        num_cpus: Of a local cluster; null for the machine's own.
        num_gpus: Of a local cluster; null for the machine's own.
        object_store_gib: Of a local cluster.
        wait_minutes: How long a step waits for nodes where those that are there have no room for it.
        silent_minutes: Watchdog: a worker with work that does no step of it for so long has its stacks written, and is
            stopped; 0 for no limit. It counts from a worker's first step on; ``engine.timeout_minutes`` holds before.
        grace_seconds: How long SFT and GRPO may take, after SIGTERM or Ctrl-C, to end their step and save it; 0 to end
            at once. What is rendered for a cluster grants at least what a checkpoint takes.
    """

    address: str = "auto"
    num_cpus: Annotated[int | None, AT_LEAST_ONE] = None
    num_gpus: Annotated[int | None, NOT_NEGATIVE] = None
    object_store_gib: Annotated[float, ABOVE_ZERO] = 0.5
    wait_minutes: Annotated[float, NOT_NEGATIVE] = 0.0
    silent_minutes: Annotated[float, NOT_NEGATIVE] = 20.0
    grace_seconds: Annotated[float, NOT_NEGATIVE] = 120.0


@dataclass(frozen=True)
class SplitConfig:
    """One split of a task's questions.

    Attributes:
        levels: Difficulties of the task.
        count: Questions in all.
        weights: Relative shares of the levels, for tasks that make their questions; even where empty.
    """

    levels: list[str] = field(default_factory=lambda: ["3"])
    count: Annotated[int, NOT_NEGATIVE] = 0
    weights: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class TaskConfig:
    """Which questions. ``options`` belong to the task family, which checks them itself."""

    name: str = "countdown"
    options: dict[str, Any] = field(default_factory=dict)
    sft: SplitConfig = field(default_factory=SplitConfig)
    rl: SplitConfig = field(default_factory=SplitConfig)
    eval: SplitConfig = field(default_factory=SplitConfig)
