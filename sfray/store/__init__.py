"""Artifacts on disk, and the runs that link to them."""

from sfray.store.artifact import Artifact, ArtifactConflict, ArtifactIncomplete, StageStalled, fingerprint
from sfray.store.folder import ARTIFACTS, RunFolder, runs
from sfray.store.manifest import Manifest, versions

__all__ = [
    "ARTIFACTS",
    "Artifact",
    "ArtifactConflict",
    "ArtifactIncomplete",
    "Manifest",
    "RunFolder",
    "StageStalled",
    "fingerprint",
    "runs",
    "versions",
]
