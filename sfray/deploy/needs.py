"""What each stage holds while it works: GPUs, CPUs, memory, ``/dev/shm`` and scratch, from the config alone.

The figures that no program can be asked for are formulas in the number of parameters, each with its reason.
They were worked out, not measured on GPUs (docs/status.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sfray.compute.hardware import GIB
from sfray.config import Config
from sfray.config.settings import GrpoSettings, SamplingSettings, SftSettings
from sfray.graph import Step, build, chosen
from sfray.traces.builder import CPUS_PER_BUILDER

BYTES = {"float32": 4, "bfloat16": 2}
"""Of one weight."""

GPU_PROCESS = 6 * GIB
"""Host memory of a process that drives a GPU: CUDA's context, PyTorch, compiled graphs and pinned buffers."""

CPU_PROCESS = 5 * GIB // 4
"""Host memory of an engine or a worker on CPU beside weights and cache: 1.25 GiB as measured."""

SHM_PER_GPU = GIB
"""``/dev/shm`` of a process that drives a GPU: what NVIDIA advises for NCCL in containers (``--shm-size=1g``);
vLLM's message queues take less than a quarter of it."""

SHM_BUCKET = 2 * GIB
"""``/dev/shm`` that verl takes for each rank where a GPU's memory cannot be shared between processes:
``update_weights_bucket_megabytes`` of its rollout, version 0.9.1."""

READING_CPUS = 1
"""Ray Data's tasks that read and write beside the engines; without a free CPU the pool waits for ever."""

VERL_CPUS_PER_RANK = 3
"""verl reserves them with each GPU: ``max_colocate_count`` of its ResourcePoolManager, version 0.9.1."""

VERL_CPUS_BESIDE = 10
"""verl's controller of data, its 8 units of storage (``num_data_storage_units``), and one for actors that are placed
with a CPU and run without."""

CPU_VERL_BESIDE = 3
"""The same where the engines run on CPU: one unit of storage is enough."""

TOKEN_BYTES = 68
"""What verl keeps of a token: ids, mask, position, response and its mask in 8 bytes each, seven floats in 4."""


@dataclass(frozen=True)
class Need:
    """What one stage holds.

    Attributes:
        stage: Name of the step.
        units: Engines, workers or nodes, each of which must fit on one node.
        gpus: Of a unit.
        cpus: Of a unit.
        beside: CPUs that it takes anywhere beside its units.
        memory: Bytes of host memory of a unit, without ``/dev/shm``.
        on_node: Bytes of host memory on each node beside the units.
        shm: Bytes of ``/dev/shm`` of a unit, without Ray's objects.
        objects: Bytes that it passes through Ray's object store.
        scratch: Bytes on the local disk of a node.
        driver: Whether it runs where the driver does, and not on the workers.
        kind: Name of the step's stage.
        fewest: Units that it starts with: training needs its workers at once, of engines and builders one is enough,
            as the others' work falls to it.
    """

    stage: str
    units: int
    gpus: int
    cpus: float
    beside: float = 0
    memory: int = 0
    on_node: int = 0
    shm: int = 0
    objects: int = 0
    scratch: int = 0
    driver: bool = False
    kind: str = ""
    fewest: int = 1

    @property
    def total_gpus(self) -> int:
        """GPUs that the stage uses at once."""
        return self.units * self.gpus


def needs(config: Config, parameters: int) -> tuple[Need, ...]:
    """The needs of the steps that work on a cluster, in the order in which they are made.

    Args:
        config: The whole config.
        parameters: Of the model.

    Raises:
        ConfigError: The method cannot work.
    """
    steps = build(config)
    found = (need_of(steps[name], parameters) for name in chosen(steps, config.steps))
    return tuple(need for need in found if need is not None)


def need_of(step: Step, parameters: int = 0) -> Need | None:
    """What a step holds; None where it works in the driver alone. Without ``parameters`` the memory is not known."""
    found = _need(step, parameters)
    return found and replace(found, kind=step.kind)


def _need(step: Step, parameters: int) -> Need | None:
    settings = step.settings
    if step.kind == "traces":
        return Need(step.name, settings.trace.builders, 0, CPUS_PER_BUILDER, memory=2 * GIB)
    if step.kind == "sft":
        return _sft(step.name, settings, parameters)
    if step.kind == "grpo":
        return _grpo(step.name, settings, parameters)
    return _engines(step.name, settings, parameters) if step.stage.runs_model else None


def checkpoint(config: Config | SftSettings, parameters: int) -> int:
    """Bytes of the larger of SFT's and GRPO's checkpoints: weights in ``model.dtype``, and Adam in float32.

    In bfloat16 SFT keeps a float32 copy of the weights beside both of Adam's moments: 14 bytes a parameter.
    """
    master = 0 if config.model.dtype == "float32" else 4
    return parameters * (BYTES[config.model.dtype] + master + 8)


def driver_memory(parameters: int) -> int:
    """Host memory of the driver: it joins GRPO's float32 shards into one model, and holds both meanwhile."""
    return 8 * parameters


def _engines(stage: str, config: SamplingSettings, parameters: int) -> Need:
    engine = config.engine
    if engine.device == "cpu":
        weights = parameters * BYTES[config.model.dtype]
        memory = CPU_PROCESS + weights + math.ceil(engine.kv_cache_gib * GIB)
        return Need(stage, engine.actors, 0, engine.cpus_per_actor, READING_CPUS, memory)
    gpus = engine.tensor_parallel
    return Need(
        stage,
        engine.actors,
        gpus,
        engine.cpus_per_actor,
        READING_CPUS,
        # Weights go from the file's pages to the GPU; the pages are the kernel's to drop.
        memory=gpus * GPU_PROCESS,
        shm=gpus * SHM_PER_GPU,
    )


def _sft(stage: str, config: SftSettings, parameters: int) -> Need:
    sft = config.sft
    if config.engine.device == "cpu":
        # Weights, gradients and Adam's moments, all float32; stages 1 to 3 of ZeRO share some of it out.
        memory = CPU_PROCESS + 16 * parameters
        return Need(stage, sft.workers, 0, sft.cpus_per_worker, memory=memory, fewest=sft.fewest_workers)
    loaded = parameters * BYTES[config.model.dtype]
    # What DeepSpeed moves to the host: the float32 copy and both moments, shared out among the workers.
    moved = 12 * parameters // sft.fewest_workers if _moves_to_host(sft.deepspeed) else 0
    return Need(
        stage,
        sft.workers,
        1,
        sft.cpus_per_worker,
        # Every worker reads the whole model into its memory before it goes to the GPU.
        memory=GPU_PROCESS + max(loaded, moved),
        shm=SHM_PER_GPU,
        # A checkpoint is gathered on the node before it goes to shared storage; a killed worker leaves one behind.
        scratch=2 * checkpoint(config, parameters),
        fewest=sft.fewest_workers,
    )


def _moves_to_host(deepspeed: Mapping[str, Any]) -> bool:
    return "offload_optimizer" in deepspeed.get("zero_optimization", {})


def _grpo(stage: str, config: GrpoSettings, parameters: int) -> Need:
    grpo = config.grpo
    objects = 2 * TOKEN_BYTES * grpo.batch * grpo.n * (grpo.max_prompt + grpo.max_response)
    ranks = grpo.ranks_per_node
    if config.engine.device == "cpu":
        memory = ranks * (2 * CPU_PROCESS + 20 * parameters) + objects
        if not grpo.joins_cluster(config.engine.device):  # 24 CPUs is what its own Ray is told, not what it uses
            return Need(stage, 1, 0, ranks, memory=memory, driver=True)
        return Need(
            stage, grpo.nodes, ranks, VERL_CPUS_PER_RANK * ranks, CPU_VERL_BESIDE, memory=memory, fewest=grpo.nodes
        )
    share = parameters / (grpo.nodes * ranks)  # of each rank
    # A model with tied embeddings is loaded by every rank, in float32; any other by the first alone.
    loading = ranks * 4 * parameters
    training = ranks * (sum(_offloaded(config)) * share + _activations(config, parameters))
    return Need(
        stage,
        grpo.nodes,
        ranks,
        VERL_CPUS_PER_RANK * ranks,
        VERL_CPUS_BESIDE,
        # Two processes drive each GPU, the actor's and the rollout's; data waits in units of storage.
        memory=ranks * 2 * GPU_PROCESS + math.ceil(max(loading, training)) + objects,
        shm=ranks * (SHM_PER_GPU + SHM_BUCKET),
        objects=objects,
        fewest=grpo.nodes,
    )


def _offloaded(config: GrpoSettings) -> Iterator[int]:
    """Bytes for each parameter that ``grpo.overrides`` move from the GPU to the host: weights, and Adam's moments."""
    text = " ".join(config.grpo.overrides).lower()
    yield 4 if "param_offload=true" in text else 0
    yield 8 if "optimizer_offload=true" in text else 0


def _activations(config: GrpoSettings, parameters: int) -> float:
    """Bytes of a rank's activations that wait on the host: the input of each layer, in ``model.dtype``.

    Layers x width is 1.0 to 1.2 times the root of the parameters from 0.5B to 7B, and 1.8 times for 32B: twice is room.
    """
    grpo = config.grpo
    if not grpo.activation_offload:
        return 0.0
    tokens = grpo.micro_tokens or grpo.micro_batch * (grpo.max_prompt + grpo.max_response)
    return tokens * 2 * math.sqrt(parameters) * BYTES[config.model.dtype]
