"""The locks hold what ``pyproject.toml`` asks for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = {"cpu": ("cpu", "reasoning-gym", "dev"), "gpu": ("gpu",)}


def pins(lock: str) -> dict[str, str]:
    """Package -> version of a lock."""
    lines = (ROOT / "locks" / f"{lock}.txt").read_text(encoding="utf-8").split("\n")
    found = {}
    for line in filter(None, lines):
        name, version = line.split(";")[0].strip().split("==")
        assert canonicalize_name(name) not in found, f"{lock}.txt pins {name} twice"
        found[canonicalize_name(name)] = version
    return found


@pytest.mark.parametrize("lock", EXTRAS)
def test_a_lock_satisfies_the_project_and_its_extras(lock: str) -> None:
    wanted = PROJECT["dependencies"] + [r for e in EXTRAS[lock] for r in PROJECT["optional-dependencies"][e]]
    assert unsatisfied(lock, wanted) == []


def test_the_lock_of_the_docs_satisfies_their_group_and_holds_no_engine() -> None:
    assert unsatisfied("docs", PYPROJECT["dependency-groups"]["docs"]) == []
    assert pins("docs").keys() & {"torch", "ray", "vllm", "numpy", "sfray"} == set()


def unsatisfied(lock: str, wanted: list[str]) -> list[str]:
    """What a lock has for each requirement that it does not satisfy."""
    assert wanted
    pinned = pins(lock)
    versions = [(r, pinned.get(canonicalize_name(r.name))) for r in map(Requirement, wanted)]
    return [
        f"{lock}.txt has {version} for {requirement}"
        for requirement, version in versions
        if version is None or not requirement.specifier.contains(version, prereleases=True)
    ]


def test_every_extra_is_in_a_lock() -> None:
    assert {e for extras in EXTRAS.values() for e in extras} == set(PROJECT["optional-dependencies"])


def test_the_cpu_environment_has_nothing_that_only_gpus_need() -> None:
    pinned = pins("cpu")
    unwanted = {"torchvision", "torchaudio", "torchcodec", "triton", "flash-attn"}
    assert {name for name in pinned if name in unwanted or name.startswith(("nvidia-", "cuda-"))} == set()
