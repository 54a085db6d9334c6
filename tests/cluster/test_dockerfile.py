"""The image holds what the lock says, for the Python and the CUDA that the lock is for."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from sfray.doctor import FLASH_ATTENTION
from tests.test_requirements import PROJECT, pins

FILE = Path(__file__).resolve().parents[2] / "cluster" / "Dockerfile"
KNOWN = {"FROM", "RUN", "ENV", "COPY", "USER", "WORKDIR"}


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its arguments, continued lines joined."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined if line)]


def commands() -> list[list[str]]:
    """Every command that the build runs."""
    return [shlex.split(part) for word, text in instructions() if word == "RUN" for part in text.split("&&")]


def test_it_parses_into_known_instructions() -> None:
    found = instructions()
    assert found[0][0] == "FROM"
    assert {word for word, _ in found} == KNOWN
    assert all(arguments for _, arguments in found)


def test_packages_come_from_the_lock_and_nowhere_else() -> None:
    installs = [words[words.index("install") + 1 :] for words in commands() if "pip" in words]
    named = [[w for w in words if not w.startswith("--")] for words in installs]
    assert named == [["-r", "/tmp/gpu.txt"], [FLASH_ATTENTION]]
    assert all("--no-deps" in words for words in installs)
    assert [text for word, text in instructions() if word == "COPY"] == ["locks/gpu.txt /tmp/gpu.txt"]


def test_python_is_one_that_the_lock_was_compiled_for() -> None:
    versions = {m[1] for words in commands() for word in words if (m := re.fullmatch(r"python(3\.\d+)", word))}
    assert versions == {"3.11"}
    assert PROJECT["requires-python"] == ">=3.11,<3.13"


def test_cuda_is_the_locks() -> None:
    image = dict(instructions())["FROM"]
    found = re.fullmatch(r"nvidia/cuda:(\d+\.\d+)\.\d+-devel-ubuntu\d+\.\d+", image)
    assert found
    assert pins("gpu")["nvidia-cuda-runtime"].startswith(f"{found[1]}.")


def test_nothing_runs_as_root_and_the_volume_is_the_users() -> None:
    words = [word for word, _ in instructions()]
    assert dict(instructions())["USER"] == "ray"
    assert "RUN" not in words[words.index("USER") :]
    assert ["install", "--directory", "--owner=ray", "/shared"] in commands()
