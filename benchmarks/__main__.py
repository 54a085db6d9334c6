"""Runs benchmarks and prints their results, as :mod:`benchmarks.result` has them.

    python -m benchmarks [NAME ...] [--out FOLDER]

With one name it prints one result, else a list; ``--out`` also writes each as ``FOLDER/NAME.json``.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from benchmarks.result import result
from sfray.io.files import write_json

NAMES = ("verifier", "traces", "reflections", "coverage", "report", "sampling", "evaluations", "sft", "grpo")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {' '.join(NAMES)}")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    if wrong := [name for name in chosen.names if name not in NAMES]:
        parser.error(f"{wrong[0]!r} is no benchmark; there are {', '.join(NAMES)}")
    results = [result(name, importlib.import_module(f"benchmarks.{name}").run()) for name in chosen.names or NAMES]
    for one in results if chosen.out else ():
        write_json(chosen.out / f"{one['benchmark']}.json", one)
    print(json.dumps(results[0] if len(results) == 1 else results, indent=2))
