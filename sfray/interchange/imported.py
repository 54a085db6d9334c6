"""Stages that were imported rather than run: done as they are, whatever the config says of sampling."""

from __future__ import annotations

from pathlib import Path

from sfray.store import Manifest, Stage


def imported_stage(path: Path, name: str) -> Stage | None:
    """The stage of an import, with its own fingerprint; None where none was imported.

    Args:
        path: The stage's folder.
        name: The stage's name.
    """
    manifest_path = path / "manifest.json"
    if not manifest_path.exists():
        return None
    manifest = Manifest.read(manifest_path)
    return Stage(path, name, manifest.config, manifest.inputs) if "imported" in manifest.config else None
