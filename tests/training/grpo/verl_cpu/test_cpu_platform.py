"""Each hook does what it says, and only on CPU. verl reads its platform once, so each case is a process."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sfray.training.grpo.verl_cpu import environment

ROOT = Path(__file__).parents[4]


def python(code, **variables):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("VERL_")}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**clean, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **variables},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout.strip().splitlines()


def test_the_environment_selects_the_platform_and_one_thread():
    assert environment(1) == {
        "VERL_PLATFORM": "cpu",
        "VERL_USE_EXTERNAL_MODULES": "sfray.training.grpo.verl_cpu.cpu_platform",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_LOGGING_LEVEL": "WARN",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TQ_NUM_THREADS": "2",
        "RAY_prestart_worker_first_driver": "0",
        "RAY_worker_niceness": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }


@pytest.mark.engine
def test_on_cpu_the_platform_and_both_hooks_are_in_place():
    code = """
import importlib.metadata, torch, verl
from verl.plugin.platform import get_platform
from verl.utils.distributed import initialize_global_process_group_ray as start
platform = get_platform()
names = platform.device_name, platform.communication_backend_name(), platform.ray_resource_name()
print(type(platform).__name__, *names)
print(importlib.metadata.version("vllm"))
try:
    importlib.metadata.version("no-such-distribution")
except importlib.metadata.PackageNotFoundError as error:
    print("missing", error.name)
import os
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "RANK": "0", "WORLD_SIZE": "1"}
start()
print(torch.distributed.get_backend())
start()
"""
    assert python(code, **environment()) == [
        "PlatformCPU cpu gloo GPU",
        "0.29.0+cpu",
        "missing no-such-distribution",
        "cpu:gloo",
    ]


@pytest.mark.engine
def test_on_another_platform_the_module_changes_nothing():
    code = """
import importlib.metadata, inspect
before = importlib.metadata.version
import sfray.training.grpo.verl_cpu.cpu_platform
from verl.utils.distributed import initialize_global_process_group_ray as start
print(importlib.metadata.version is before, hasattr(start, "__wrapped__"))
"""
    assert python(code, VERL_PLATFORM="nvidia") == ["True False"]


@pytest.mark.engine
def test_without_the_gloo_hook_torch_refuses_verls_backend():
    """Fails when torch or verl no longer need the hook."""
    code = """
import os, torch
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "RANK": "0", "WORLD_SIZE": "1"}
try:
    torch.distributed.init_process_group("cpu:gloo,cpu:gloo")
except ValueError as error:
    print("refused:", "Duplicate device type" in str(error))
"""
    assert python(code) == ["refused: True"]


@pytest.mark.engine
def test_without_the_version_hook_there_is_no_vllm():
    """Fails when the CPU build's distribution is called vllm."""
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("vllm")


@pytest.mark.engine
def test_other_versions_are_refused():
    code = """
import importlib.metadata
from sfray.training.grpo.verl_cpu import cpu_platform
importlib.metadata.version = lambda name: "0.10.0"
try:
    cpu_platform.require_versions()
except RuntimeError as error:
    print(error)
"""
    assert python(code) == ["GRPO on CPU was written for verl 0.9.1, and 0.10.0 is installed"]


@pytest.mark.engine
def test_the_engine_is_registered_and_does_not_pin_memory():
    code = """
import sfray.training.grpo.verl_cpu.engine as ours
from verl.workers.engine.base import EngineRegistry
print(EngineRegistry._engines["language_model"]["fsdp2"]["cpu"] is ours.CpuFSDP2Engine)
print(ours.unpinned(pin_memory=True).pin_memory)
"""
    assert python(code, **environment()) == ["True", "False"]


@pytest.mark.engine
def test_weights_stay_after_packing_and_give_new_results_when_loaded_again():
    code = """
import torch
from sfray.training.grpo.verl_cpu.worker_extension import keep_weights_after_packing
from vllm.model_executor.layers import utils

def layer():
    torch.manual_seed(0)
    return torch.nn.Linear(32, 64, bias=False).requires_grad_(False)

plain = layer()
utils.dispatch_cpu_unquantized_gemm(plain, remove_weight=True)
print("without the hook:", tuple(plain.weight.shape))
keep_weights_after_packing()
once = utils.dispatch_cpu_unquantized_gemm
keep_weights_after_packing()
print("patched once:", utils.dispatch_cpu_unquantized_gemm is once)
kept = layer()
x = torch.ones(2, 32)
for scale in (1, 3):
    kept.weight.data.copy_(layer().weight * scale)
    utils.dispatch_cpu_unquantized_gemm(kept, remove_weight=True)
    expected = x @ (layer().weight * scale).T
    print(scale, bool(torch.allclose(kept.cpu_linear(x, kept.weight, None), expected, atol=1e-5)))
"""
    assert python(code, **environment()) == [
        "without the hook: (0,)",
        "patched once: True",
        "1 True",
        "3 True",
    ]
