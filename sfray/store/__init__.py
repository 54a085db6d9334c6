"""A run's folder: a folder per stage, its shards, its rejects and its manifest."""

from sfray.store.manifest import CONFIG_FILE, Manifest, versions
from sfray.store.stage import Stage, StageConflict, StageIncomplete, StageStalled, fingerprint

__all__ = [
    "CONFIG_FILE",
    "Manifest",
    "Stage",
    "StageConflict",
    "StageIncomplete",
    "StageStalled",
    "fingerprint",
    "versions",
]
