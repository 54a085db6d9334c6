"""Runs every benchmark and prints one JSON object: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import importlib
import json
import sys

NAMES = ("verifier", "traces", "coverage", "report", "sampling", "sft", "grpo")

if __name__ == "__main__":
    chosen = sys.argv[1:] or NAMES
    results = {name: importlib.import_module(f"benchmarks.{name}").run() for name in chosen}
    print(json.dumps(results, indent=2))
