"""What of the environment is missing or mismatched, before any hour of an accelerator is spent."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from sfray.config import Config
from sfray.graph import Step
from sfray.models import try_model

HARMFUL_ON_CPU = ("torchvision", "torchaudio", "torchcodec")
"""Their builds do not match the CPU build of torch; importing one breaks transformers."""

VALUE_HEADS = ("experimental/ppo", "models/modeling_value_head.py")
"""Where trl has had the model that verl 0.9 imports whenever trl is there (``monkey_patch.py``)."""

_LOW_DISK_GIB = 10
_LOW_MEMORY_GIB = 12


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``level`` is ``ok``, ``warn`` or ``fail``."""

    level: str
    what: str
    detail: str


FLASH_ATTENTION = "flash-attn==2.8.3"
"""What verl 0.9.1 asks for beside torch 2.11; its build needs torch to be there, so no extra can name it."""

_LOGGER_PACKAGES = {name: name for name in ("wandb", "mlflow", "swanlab", "tensorboard", "clearml", "trackio")}
"""What verl's loggers import, by their names; the others need nothing that pip could install by that name."""

_INSTALL = f"pip install --no-build-isolation {FLASH_ATTENTION}"


def missing_for(config: Config, steps: Collection[Step]) -> Iterator[str]:
    """Yields a line for each thing that steps need and that is not installed here, importing none of it."""
    trains = any(step.stage.trains for step in steps)
    loggers = [name for step in steps if step.kind == "grpo" for name in step.settings.grpo.logger]
    for logger in dict.fromkeys(loggers):
        if (package := _LOGGER_PACKAGES.get(logger)) and not _folder(package):
            yield f"grpo.logger: {logger} needs the package {package}: pip install {package}, or leave it out"
    for step in steps:
        if step.kind == "teacher" and step.settings.teacher.url:
            key = step.settings.teacher.key
            if key and key not in os.environ:
                yield f"teacher.key: there is no environment variable {key}"
            if not _folder("openai"):
                yield "teacher.url: needs the package openai: pip install openai"
    if trains and config.model.attention == "flash_attention_2" and not _folder("flash_attn"):
        yield f"model.attention: flash_attention_2 needs flash-attn: {_INSTALL}, or model.attention=sdpa"


def examine() -> list[Finding]:
    """Looks at Python, the packages, the compiler, memory, disk and shared memory."""
    gpu = shutil.which("nvidia-smi") is not None
    extra = "gpu" if gpu else "cpu"
    found = [_python()]
    found += [_package(r) for r in requirements(extra)]
    found += [_absent(name) for name in HARMFUL_ON_CPU] if not gpu else []
    found += [_flash_attention()] if gpu else []
    found += [_beside_verl(Path(p)) for p in _folder("trl")]
    found += [_torch(gpu), _compiler(), _memory(), _space("disk", Path.cwd(), _LOW_DISK_GIB)]
    found += [_space("shared memory", Path("/dev/shm"), 1)]
    return found


def examine_model(path: str) -> list[Finding]:
    """Tries a model folder, see :func:`sfray.models.trial.try_model`."""
    trial = try_model(path)
    found = [Finding("fail", "model", fault) for fault in trial.faults]
    found += [Finding("warn", "model", note) for note in trial.notes]
    return found or [Finding("ok", "model", f"{path}, {trial.parameters:,} weights")]


def requirements(extra: str) -> list[Requirement]:
    """What ``pip install sfray[extra]`` asks for, from the package's own metadata."""
    try:
        declared = importlib.metadata.requires("sfray") or []
    except importlib.metadata.PackageNotFoundError:
        project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
        declared = project["dependencies"] + project["optional-dependencies"][extra]
    wanted = [Requirement(r) for r in declared]
    return [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": extra})]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("ok" if sys.version_info[:2] in ((3, 11), (3, 12)) else "fail", "python", version)


def _package(requirement: Requirement) -> Finding:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Finding("fail", requirement.name, f"not installed, {requirement.specifier or 'any version'} is needed")
    if not requirement.specifier.contains(version.partition("+")[0], prereleases=True):
        return Finding("fail", requirement.name, f"{version} is installed, {requirement.specifier} is needed")
    return Finding("ok", requirement.name, version)


def _absent(name: str) -> Finding:
    if importlib.util.find_spec(name) is None:
        return Finding("ok", name, "absent, as it must be beside the CPU build of torch")
    return Finding("fail", name, f"does not match the CPU build of torch: pip uninstall {name}")


def _flash_attention() -> Finding:
    if _folder("flash_attn"):
        return Finding("ok", "flash-attn", "installed")
    return Finding("warn", "flash-attn", f"absent, the paper presets need it: {_INSTALL}")


def _folder(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    return list(spec.submodule_search_locations or []) if spec else []


def _beside_verl(trl: Path) -> Finding:
    if any((trl / place).exists() for place in VALUE_HEADS):
        return Finding("ok", "trl", "of a version that verl can import")
    return Finding("fail", "trl", "has no value head, without which verl does not start beside it: pip uninstall trl")


def _torch(gpu: bool) -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("fail", "torch build", "torch is not installed")
    import torch

    if gpu and not torch.cuda.is_available():
        return Finding("fail", "torch build", f"{torch.__version__} sees no GPU, but nvidia-smi is there")
    return Finding("ok", "torch build", f"{torch.__version__}, {torch.cuda.device_count()} GPU(s)")


def _compiler() -> Finding:
    path = shutil.which("g++")
    return Finding("ok", "g++", path) if path else Finding("fail", "g++", "missing: vLLM compiles its sampler with it")


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Finding("ok" if total >= _LOW_MEMORY_GIB else "warn", "memory", f"{total:.0f} GiB, {os.cpu_count()} CPU(s)")


def _space(what: str, path: Path, low: float) -> Finding:
    if not path.exists():
        return Finding("warn", what, f"{path} does not exist")
    free = shutil.disk_usage(path).free / 2**30
    return Finding("ok" if free >= low else "warn", what, f"{free:.1f} GiB free at {path}")
