"""Rules for the sums: what a manifest holds against what the job's stages use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from sfray.deploy.fault import Fault
from sfray.deploy.job import Job
from sfray.deploy.needs import GIB
from sfray.deploy.pods import Pod, pods
from sfray.deploy.quantity import quantity
from sfray.deploy.shape import Node

LONGEST_TMPDIR = 32
"""Ray's sockets lie 70 characters below it, and the kernel takes 107."""


def sum_faults(manifest: Mapping[str, Any], job: Job) -> Iterator[Fault]:
    """Yields where a cluster holds too much or too little for a job."""
    found = [pod for pod in pods(manifest) if pod.group is not None]
    yield from _gpus(found, job)
    for pod in found:
        node = job.shape.head if pod.is_head else job.shape.worker
        yield from _memory(pod, node)
        yield from _shared_memory(pod, node)
        yield from _scratch(pod, node)
        yield from _cpus(pod, node)
        yield from _grace(pod, job)


def _amount(container: Mapping[str, Any], kind: str, name: str) -> Fraction:
    return quantity(container.get("resources", {}).get(kind, {}).get(name, 0)) or Fraction(0)


def _gpus(found: list[Pod], job: Job) -> Iterator[Fault]:
    """GPUs that no stage uses cost as much as those that are used; too few leave a stage waiting for ever."""
    resource, held = job.config.deploy.gpu_resource, Fraction(0)
    each = ", ".join(f"{need.stage} {need.total_gpus}" for need in job.stages)
    for pod in found:
        path, container = next(pod.containers())
        count, at = _amount(container, "limits", resource), f"{path}.resources.limits.{resource}"
        if pod.is_head and count:
            yield Fault(at, f"{count} GPUs for a head on which nothing is placed")
        if pod.is_head or pod.group is None:
            continue
        replicas = pod.group.get("replicas", 0)
        held += replicas * count
        widest = max((need.gpus for need in job.stages), default=0)
        if count < widest:
            yield Fault(at, f"{count} GPUs: one node must hold {widest}")
        if held > job.largest:
            total = f"{replicas} x {count} GPUs, {held} in all"
            yield Fault(f"{pod.group_path}.replicas", f"{total}, but no stage uses more than {job.largest} ({each})")
    if held < job.largest:
        yield Fault(f"{found[-1].group_path}.replicas", f"{held} GPUs in all, but a stage uses {job.largest} ({each})")


def _memory(pod: Pod, node: Node) -> Iterator[Fault]:
    """A pod pays for /dev/shm out of its memory: what it does not have for both, the kernel takes by killing."""
    path, container = next(pod.containers())
    limit, request = _amount(container, "limits", "memory"), _amount(container, "requests", "memory")
    shm = _size_limit(pod, "/dev/shm")
    at = f"{path}.resources.limits.memory"
    if not limit:
        yield Fault(at, "must be given: without it Ray counts the whole machine's memory as its own")
    elif shm is not None and limit < shm + node.used * GIB:
        wanted = f"{node.used} GiB for processes and {_gib(shm)} for /dev/shm"
        yield Fault(at, f"{_gib(limit)} GiB do not hold {wanted}")
    if request != limit:
        yield Fault(f"{path}.resources.requests.memory", "must be the limit: what is promised twice is killed for")


def _shared_memory(pod: Pod, node: Node) -> Iterator[Fault]:
    """Ray's objects lie in /dev/shm beside what NCCL, vLLM and verl put there; left alone, Ray takes 95 % of it."""
    group = pod.group or {}
    size, volume = _size_limit(pod, "/dev/shm"), pod.volume_at("/dev/shm")
    store = quantity(group.get("rayStartParams", {}).get("object-store-memory"))
    at = f"{pod.group_path}.rayStartParams.object-store-memory"
    if volume is None:
        path, _ = next(pod.containers())
        yield Fault(f"{path}.volumeMounts", "nothing at /dev/shm, which has 64 MB by default")
        return
    empty = volume.get("emptyDir")
    where = f"{pod.volume_path(volume['name'])}.emptyDir"
    if empty is None or empty.get("medium") != "Memory":
        yield Fault(f"{where}.medium", "must be Memory for /dev/shm")
    elif size is None:
        yield Fault(f"{where}.sizeLimit", "must be given: without it /dev/shm takes half of the machine's memory")
    if store is None:
        yield Fault(at, "must be given in bytes: left alone, Ray takes nearly all of /dev/shm")
    elif size is not None and size < store + node.shm_used * GIB:
        used = f"the stages use {node.shm_used} GiB of {_gib(size)} GiB of /dev/shm"
        yield Fault(at, f"{_gib(store)} GiB for objects, but {used}")


def _scratch(pod: Pod, node: Node) -> Iterator[Fault]:
    """A checkpoint is gathered on local disk; a pod that fills more of it than it asked for is evicted."""
    path, container = next(pod.containers())
    folders = {v["name"]: v.get("value", "") for v in container.get("env", []) if "value" in v}
    folder = folders.get("TMPDIR", "")
    size = _size_limit(pod, folder) if folder else None
    if not folder or pod.volume_at(folder) is None:
        yield Fault(f"{path}.env", "TMPDIR must be a mounted volume: checkpoints do not fit beside the image")
    elif len(folder) > LONGEST_TMPDIR:
        yield Fault(f"{path}.env", f"TMPDIR = {folder} is longer than {LONGEST_TMPDIR}: Ray's sockets need the rest")
    elif size is None or size < node.scratch * GIB:
        given = "without a limit" if size is None else f"{_gib(size)} GiB"
        volume = pod.volume_at(folder) or {}
        at = f"{pod.volume_path(volume['name'])}.emptyDir.sizeLimit"
        yield Fault(at, f"{given}, but checkpoints and Ray need {node.scratch} GiB")
    elif _amount(container, "requests", "ephemeral-storage") < size:
        at = f"{path}.resources.requests.ephemeral-storage"
        yield Fault(at, f"is below the {_gib(size)} GiB of {folder}, so the disk may not have them")


def _cpus(pod: Pod, node: Node) -> Iterator[Fault]:
    """Actors that find no CPU wait for ever."""
    path, container = next(pod.containers())
    if (given := _amount(container, "requests", "cpu")) < node.cpus:
        yield Fault(f"{path}.resources.requests.cpu", f"{float(given):g} CPUs, but a stage uses {node.cpus}")


def _grace(pod: Pod, job: Job) -> Iterator[Fault]:
    """A pod that is told to go writes a checkpoint first."""
    given = pod.spec.get("terminationGracePeriodSeconds", 30)
    if given <= job.limits.grace:
        wanted = f"a checkpoint takes up to {job.limits.grace}, and Ray ends after it"
        yield Fault(f"{pod.path}.terminationGracePeriodSeconds", f"{given} seconds, but {wanted}")


def _size_limit(pod: Pod, mount: str) -> Fraction | None:
    volume = pod.volume_at(mount)
    return quantity(volume["emptyDir"].get("sizeLimit")) if volume and "emptyDir" in volume else None


def _gib(size: Fraction) -> str:
    return f"{float(size / GIB):g}"
