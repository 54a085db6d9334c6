"""Fingerprints: the identity of an artifact is the hash of all that its step was given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def fingerprint(value: object) -> str:
    """Hash of anything JSON can hold, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def of_step(stage: str, config: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """The fingerprint of what a step makes.

    Args:
        stage: Name of its stage.
        config: The settings that decide the output.
        inputs: Input -> fingerprint, or label -> fingerprint for an input of several.
    """
    return fingerprint({"stage": stage, "config": dict(config), "inputs": dict(inputs)})
