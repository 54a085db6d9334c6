"""A run's folder: its config, and a link for each step to the artifact that the step made.

    runs/quickstart/config.yaml                the config of the latest run
                    attempts -> ../artifacts/sample/5f0c…
                    report.html
    runs/artifacts/sample/5f0c…                shared by every run that asks for the same

A step that was imported has a folder of its own in place of the link.
"""

from __future__ import annotations

import graphlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfray.io import files
from sfray.io.files import read_json
from sfray.store.manifest import Manifest

ARTIFACTS = "artifacts"
"""Folder of all artifacts, beside the runs that link to them."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The config that the run was last started with."""
        return self.path / "config.yaml"

    @property
    def artifacts(self) -> Path:
        """Where the artifacts of this run and of its neighbours are."""
        return self.path.parent / ARTIFACTS

    def place(self, stage: str, fingerprint: str) -> Path:
        """The folder of an artifact."""
        return self.artifacts / stage / fingerprint

    def link(self, step: str, artifact: Path) -> None:
        """Makes a step's link lead to an artifact; it is relative, so that a folder of runs can be moved."""
        files.link(self.path / step, os.path.relpath(artifact, self.path))

    def unlink_others(self, artifacts: Mapping[str, Path]) -> None:
        """Removes the links that lead elsewhere than they should: those of another config or method.

        Args:
            artifacts: Step -> folder of its artifact.
        """
        for path in self.path.iterdir():
            if path.is_symlink() and path.resolve() != artifacts.get(path.name, Path()).resolve():
                files.remove(path)

    def imported(self) -> dict[str, Manifest]:
        """Step -> manifest of what was imported into the run.

        Raises:
            ValueError: A folder that is not of an import is in the place of a step's link.
        """
        found = {}
        for file in sorted(self.path.glob("*/manifest.json")):
            if not file.parent.is_symlink():
                manifest = Manifest.read(file)
                if "imported" not in manifest.config:
                    raise ValueError(f"{file.parent} is not of this version of sfray; choose another run.name")
                found[file.parent.name] = manifest
        return found

    def steps(self) -> dict[str, Path]:
        """Step -> folder of its artifact, begun or finished, inputs before what reads them."""
        visible = (p for p in sorted(self.path.iterdir()) if not p.name.startswith("."))  # a dead writer's link is not
        folders = {p.name: p for p in visible if (p / "plan.json").exists()}
        plans = {name: read_json(folder / "plan.json") for name, folder in folders.items()}
        owner = {plan["fingerprint"]: name for name, plan in plans.items()}
        graph = {name: {owner[f] for f in _given(plan["inputs"]) if f in owner} for name, plan in plans.items()}
        return {name: folders[name] for name in graphlib.TopologicalSorter(graph).static_order()}

    def finished(self, stage: str | None = None) -> dict[str, tuple[Path, Manifest]]:
        """Finished step -> folder and manifest.

        Args:
            stage: Only steps of this kind of work; None for all.
        """
        done = {n: (p, Manifest.read(p / "manifest.json")) for n, p in self.steps().items() if _done(p)}
        return {name: entry for name, entry in done.items() if stage in (None, entry[1].stage)}


def runs(root: Path) -> list[RunFolder]:
    """The runs below a folder such as ``runs``."""
    return [RunFolder(p) for p in sorted(root.iterdir()) if p.is_dir() and p.name != ARTIFACTS]


def place_problems(name: str, folder: str) -> Iterator[str]:
    """Yields a line for each thing that is wrong with where a run lives.

    Args:
        name: ``run.name``.
        folder: ``run.dir``.
    """
    if not _PLAIN_NAME.fullmatch(name):
        yield f"run.name: {name!r} must be one folder name of letters, digits, '.', '_' and '-'"
    if name == ARTIFACTS:
        yield f"run.name: {ARTIFACTS!r} is the folder that all runs share; choose another name"
    if not folder or "=" in folder:  # readers of Parquet take "key=value" folders for columns
        yield f"run.dir: {folder!r} must be a folder without '=' in its path"


def _done(folder: Path) -> bool:
    return (folder / "manifest.json").exists()


def _given(inputs: Mapping[str, Any]) -> Iterator[str]:
    for value in inputs.values():
        if isinstance(value, str):
            yield value
        else:
            yield from value.values() if isinstance(value, Mapping) else value
