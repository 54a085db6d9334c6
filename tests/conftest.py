"""What all tests share: no model hub, and the same hypothesis examples on every run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

settings.register_profile("sfray", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("sfray")


@pytest.fixture
def raw() -> dict:
    """The smallest config that is valid: the defaults lack questions and room for the paper's lengths."""
    return {"model": {"context": 32768}, "task": {split: {"count": 256} for split in ("sft", "rl", "eval")}}
