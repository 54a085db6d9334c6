"""The nodes that hold the largest stage: how many there are, and what each of them has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sfray.config import Config
from sfray.deploy.needs import GIB, Need, driver_memory

RAY_CPUS = 1
"""Of a node, for Ray's own processes."""

RAY_MEMORY = 4 * GIB
"""Of a node, for Ray's own processes and the kernel's pages of their logs."""

HEAD_CPUS = 4
"""Of the head, where nothing is placed: the driver, the scheduler's service and the dashboard."""

SMALLEST_STORE = 2 * GIB
"""Of Ray's object store: blocks of Ray Data and results are small beside it."""

SHM_SPARE = 1
"""GiB of ``/dev/shm`` that no stage asks for: Ray puts its objects on the disk where they fill it to the brim."""

SCRATCH = 50 * GIB
"""On the local disk of a node beside checkpoints: Ray's logs, objects that it spills, compiled kernels."""

LARGEST_NODE = 8
"""GPUs of a node where neither the config nor GRPO's ranks say how many it has: as many as servers of GPUs have."""


@dataclass(frozen=True)
class Node:
    """What one node has; memory in whole GiB.

    Attributes:
        memory: With ``/dev/shm``, which a pod pays for out of its memory.
        shm: With the object store, which Ray keeps in it.
        used: What the processes of the largest stage take of ``memory``.
        shm_used: What the stages take of ``shm`` beside the object store.
    """

    gpus: int
    cpus: int
    memory: int
    shm: int
    object_store: int
    scratch: int
    used: int
    shm_used: int


@dataclass(frozen=True)
class Shape:
    """A cluster: a head without work, and equal nodes."""

    head: Node
    worker: Node
    workers: int


def node_gpus(config: Config, found: Sequence[Need]) -> int:
    """GPUs of a node: as configured, else GRPO's ranks, else all that the largest stage uses, but at most 8."""
    if config.deploy.gpus_per_node is not None:
        return config.deploy.gpus_per_node
    largest = max((need.total_gpus for need in found), default=0)
    ranks = [need.gpus for need in found if need.kind == "grpo"]
    widest = max((need.gpus for need in found), default=0)
    return max(widest, *ranks) if ranks else max(widest, min(LARGEST_NODE, largest))


def nodes_for(need: Need, gpus: int) -> int:
    """Nodes of so many GPUs that hold a stage; 1 for a stage without GPUs."""
    return math.ceil(need.units / (gpus // need.gpus)) if need.gpus else 1


def on_one_node(need: Need, gpus: int, nodes: int) -> int:
    """The most units of a stage that one node gets: as many as have room, or an even share of those without GPUs."""
    return min(need.units, gpus // need.gpus) if need.gpus else math.ceil(need.units / nodes)


def shape(config: Config, found: Sequence[Need], parameters: int) -> Shape:
    """The smallest cluster of equal nodes that holds every stage.

    Args:
        config: The whole config.
        found: What the stages need; no unit has more GPUs than a node.
        parameters: Of the model.
    """
    gpus = node_gpus(config, found)
    working = [need for need in found if not need.driver]
    workers = max((nodes_for(need, gpus) for need in working), default=0)
    store = max([SMALLEST_STORE, *(need.objects for need in found)])
    worker = _node(working, gpus, workers, _gib(store))
    driving = [need for need in found if need.driver]
    head_used = driver_memory(parameters) + sum(need.units * need.memory for need in driving)
    head_cpus = HEAD_CPUS + math.ceil(sum(need.units * need.cpus for need in driving))
    head = _size(head_cpus, 0, _gib(head_used), 0, _gib(SMALLEST_STORE), _gib(SCRATCH))
    return Shape(head, worker, workers)


def _node(found: Sequence[Need], gpus: int, workers: int, store: int) -> Node:
    """A node on which any of the stages finds room, one after the other."""
    counts = [on_one_node(need, gpus, workers) for need in found]
    pairs = list(zip(found, counts, strict=True))
    cpus = max((n * need.cpus + need.beside for need, n in pairs), default=0)
    memory = max((n * need.memory + need.on_node for need, n in pairs), default=0)
    shm = max((n * need.shm for need, n in pairs), default=0)
    scratch = SCRATCH + max((need.scratch for need in found), default=0)
    return _size(RAY_CPUS + math.ceil(cpus), gpus, _gib(memory), _gib(shm), store, _gib(scratch))


def _size(cpus: int, gpus: int, used: int, shm_used: int, store: int, scratch: int) -> Node:
    """A node from what is used on it, in GiB."""
    shm = store + shm_used + SHM_SPARE
    return Node(gpus, cpus, used + shm + _gib(RAY_MEMORY), shm, store, scratch, used, shm_used)


def _gib(size: float) -> int:
    return math.ceil(size / GIB)
