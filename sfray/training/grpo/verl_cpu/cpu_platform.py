"""Device "cpu" as a verl platform.

verl imports this module at the end of ``import verl`` in every process when
``VERL_USE_EXTERNAL_MODULES`` names it, and ``VERL_PLATFORM=cpu`` selects it. On any other
platform importing it changes nothing.
"""

# ruff: noqa: ARG002, ARG004 - the signatures are those of verl and torch

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import os
import resource
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import torch
from verl.plugin.platform import PlatformBase, PlatformRegistry

from sfray.training.grpo.verl_cpu import VERL_VERSION, VLLM_VERSION


class CpuDeviceModule(types.ModuleType):
    """``torch.cpu`` plus what verl calls on ``torch.<device>``.

    "Device memory" is the resident memory of the process, so that verl's
    ``perf/max_memory_allocated_gb`` reports the peak of the actor.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(torch.cpu, name)

    @staticmethod
    def memory_allocated(device: object = None) -> int:
        """Resident bytes of this process."""
        return psutil.Process().memory_info().rss

    memory_reserved = memory_allocated

    @staticmethod
    def max_memory_allocated(device: object = None) -> int:
        """Peak resident bytes of this process."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    max_memory_reserved = max_memory_allocated

    @staticmethod
    def mem_get_info(device: object = None) -> tuple[int, int]:
        """Available and total bytes of the machine."""
        memory = psutil.virtual_memory()
        return memory.available, memory.total

    @staticmethod
    def get_device_name(device: object = None) -> str:
        """A name for logs."""
        return "CPU"

    @staticmethod
    def get_rng_state(device: object = None) -> torch.Tensor:
        """State of torch's CPU generator."""
        return torch.get_rng_state()

    @staticmethod
    def set_rng_state(state: torch.Tensor, device: object = None) -> None:
        """Restores torch's CPU generator."""
        torch.set_rng_state(state)

    @staticmethod
    def empty_cache() -> None:
        """Nothing is cached."""

    @staticmethod
    def ipc_collect() -> None:
        """Nothing is shared by handle."""

    @staticmethod
    def reset_peak_memory_stats(device: object = None) -> None:
        """The kernel's peak cannot be reset."""

    @staticmethod
    def synchronize(device: object = None) -> None:
        """Every operation is synchronous."""

    @staticmethod
    def set_device(device: object) -> None:
        """There is one."""


@PlatformRegistry.register(platform="cpu")
class PlatformCPU(PlatformBase):
    """The platform. Ray sees one *logical* GPU per training process.

    verl schedules by the resources "GPU" and "NPU" only, so its private Ray instance is
    started with as many logical GPUs as there are ranks; there is no device behind them.
    """

    device_name = "cpu"
    vendor_name = "cpu"
    device_module = CpuDeviceModule("sfray.training.grpo.verl_cpu.device")

    def is_available(self) -> bool:
        """Always."""
        return True

    def is_platform_available(self, use_smi_check: bool = False) -> bool:
        """Never by detection: only ``VERL_PLATFORM=cpu`` selects it."""
        return False

    def current_device(self) -> str:  # type: ignore[override] # verl takes any device of torch
        """What verl passes to ``Tensor.to``."""
        return torch.cpu.current_device()

    def device_count(self) -> int:
        """One per process."""
        return 1

    def set_device(self, device_index: int) -> None:
        """There is one."""

    def synchronize(self, device_index: int | None = None) -> None:
        """Every operation is synchronous."""

    def manual_seed(self, seed: int) -> None:
        """Seeds torch."""
        torch.manual_seed(seed)

    manual_seed_all = manual_seed

    def set_allocator_settings(self, settings: str) -> None:
        """The CPU allocator has none."""

    def empty_cache(self) -> None:
        """Nothing is cached."""

    def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
        """Not a CUDA device."""
        return (None, None)

    def communication_backend_name(self) -> str:
        """Of torch.distributed."""
        return "gloo"

    def visible_devices_envvar(self) -> str:
        """What Ray sets for its "GPU" resource."""
        return "CUDA_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:
        """No profiler."""
        yield

    def profiler_start(self) -> None:
        """No profiler."""

    def profiler_stop(self) -> None:
        """No profiler."""

    def ray_resource_name(self) -> str:
        """The logical resource of a training process."""
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        """Ray may set the visible devices: they are not read."""
        return []

    def is_ipc_supported(self) -> bool:
        """No: weights reach vLLM through POSIX shared memory."""
        return False

    def rollout_env_vars(self) -> dict[str, str]:
        """Environment of the vLLM server process."""
        defaults = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
        return {name: os.environ.get(name, value) for name, value in defaults.items()}

    def cudart(self) -> None:
        """No CUDA runtime."""


def require_versions() -> None:
    """Refuses versions that the hooks were not written for.

    Raises:
        RuntimeError: verl or vLLM has another version.
    """
    for package, wanted in (("verl", VERL_VERSION), ("vllm-cpu", VLLM_VERSION)):
        found = importlib.metadata.version(package)
        if found.split("+")[0] != wanted:
            raise RuntimeError(f"GRPO on CPU was written for {package} {wanted}, and {found} is installed")


def answer_for_vllm() -> None:
    """Makes ``importlib.metadata.version("vllm")`` answer for the CPU build.

    verl asks for a distribution called ``vllm``; the CPU build is called ``vllm-cpu``.
    The suffix ``+cpu`` is what vLLM's own platform detection looks for.
    """
    original = importlib.metadata.version

    @functools.wraps(original)
    def version(distribution_name: str) -> str:
        """The version of a distribution, ``vllm-cpu`` answering for ``vllm``."""
        try:
            return original(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            if distribution_name != "vllm":
                raise
            return original("vllm-cpu").split("+")[0] + "+cpu"

    importlib.metadata.version = version


def initialize_gloo_once() -> None:
    """Makes verl's process groups use backend ``cpu:gloo``.

    verl builds ``cpu:gloo,{device}:{backend}``, which is ``cpu:gloo,cpu:gloo`` here, and
    torch rejects a device that is named twice.
    """
    import verl.utils.distributed as distributed

    original = distributed.initialize_global_process_group_ray
    parameters = list(inspect.signature(original).parameters)
    if parameters != ["timeout_second", "backend"]:
        raise RuntimeError(f"verl.utils.distributed.initialize_global_process_group_ray takes {parameters}")

    @functools.wraps(original)
    def initialize(timeout_second: int | None = None, backend: str | None = None) -> None:
        """verl's own function with one backend for the one device."""
        original(timeout_second=timeout_second, backend=backend or "cpu:gloo")

    distributed.initialize_global_process_group_ray = initialize


if os.environ.get("VERL_PLATFORM") == "cpu":
    require_versions()
    answer_for_vllm()
    initialize_gloo_once()
