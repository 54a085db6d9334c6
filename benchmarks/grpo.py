"""What the stage costs over bare verl: the same command, with and without sfray around it.

    python -m benchmarks.grpo [--steps 6] [--model tiny]

Bare verl is ``python -m verl.trainer.main_ppo`` with the same overrides and environment,
but with verl's own replay buffer and task runner. Both train on the same questions from the
same model. Steps are timed by verl itself; the first, which warms up, is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.result import result as of
from sfray import models
from sfray.artifacts import Questions
from sfray.compose import load
from sfray.config import Config
from sfray.store.artifact import Artifact
from sfray.training.grpo import export, metrics, process
from sfray.training.grpo import stage as grpo
from sfray.training.grpo.overrides import Paths, command

WARM_UP = 1
_OURS = ("trainer.v1.sampler.custom_sampler.", "+trainer.v1.sampler.sampler_kwargs.")


def config(steps: int, model: str) -> Config:
    """The quickstart's GRPO, with fewer steps, from the base model."""
    whole = load(["experiment=quickstart", f"model.path={model}", f"grpo.steps={steps}", "method=rl_only"])
    return replace(whole, grpo=replace(whole.grpo, save_every=steps, test_every=steps))


def train_stage(whole: Config, folder: Path) -> tuple[float, list[dict[str, Any]]]:
    """Wall seconds and step records of the stage."""
    from sfray.tasks import questions

    source = Artifact(folder / "questions", "questions", {}, {})
    source.open()
    questions.write(whole, source)
    stage = Artifact(folder / "grpo", "grpo", asdict(whole.grpo), {})
    stage.open()
    start = time.monotonic()
    grpo.train(whole, stage, whole.model.path, Questions(source.path, "rl"), Questions(source.path, "eval"))
    return time.monotonic() - start, metrics.read(stage.path)


def train_bare(whole: Config, folder: Path) -> tuple[float, list[dict[str, Any]]]:
    """Wall seconds and step records of verl alone, on the files that the stage wrote."""
    data, bare = folder / "grpo", folder / "bare"
    steps = metrics.new_file(bare, 0)
    files = (str(models.resolve(whole.model.path)), data / "train.parquet", data / "validation.parquet")
    paths = Paths(*files, bare / "checkpoints", process.ray_folder(bare))
    rows = count_rows(data / "train.parquet")
    lines = [x for x in command(whole, paths, rows, "local") if not x.startswith(_OURS)]
    start = time.monotonic()
    with (bare / "verl.log").open("wb") as log:
        subprocess.run(
            [sys.executable, "-m", "verl.trainer.main_ppo", f"hydra.run.dir={bare / 'hydra'}", *lines],
            env=grpo.child_environment(whole, steps, private=True) | {process.MARKER: str(bare.resolve())},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    seconds = time.monotonic() - start
    process.end_leftovers(bare)
    if export.last_step(paths.checkpoints) != whole.grpo.steps:
        raise RuntimeError(f"bare verl did not finish; see {bare / 'verl.log'}")
    return seconds, metrics.read(bare)


def count_rows(path: Path) -> int:
    """Rows of a Parquet file."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def run(steps: int = 6, model: str = "tiny") -> dict[str, Any]:
    """Runs both and compares them; seconds."""
    whole = config(steps, model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage = _figures(*train_stage(whole, folder))
        bare = _figures(*train_bare(whole, folder))
    return {
        "cores": os.cpu_count(),
        "steps": steps - WARM_UP,
        "rollouts_per_step": whole.grpo.batch * whole.grpo.n,
        "stage": stage,
        "bare_verl": bare,
        "overhead_per_step": round((stage["wall"] - bare["wall"]) / steps, 3),
    }


def _figures(wall: float, rows: list[dict[str, Any]]) -> dict[str, float]:
    steady = [row["seconds"] for row in rows[WARM_UP:]]
    return {
        "wall": round(wall, 1),
        "start_and_end": round(wall - sum(row["seconds"] for row in rows), 1),
        "step_mean": round(statistics.mean(steady), 2),
        "step_std": round(statistics.stdev(steady), 2) if len(steady) > 1 else 0.0,
    }


def main() -> None:
    """Prints a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--model", default="tiny")
    chosen = parser.parse_args()
    result = run(chosen.steps, chosen.model)
    print(f"{'':12}{'wall s':>10}{'start+end s':>14}{'step s':>16}")
    for kind in ("stage", "bare_verl"):
        row = result[kind]
        step = f"{row['step_mean']:.2f} ± {row['step_std']:.2f}"
        print(f"{kind:12}{row['wall']:>10.1f}{row['start_and_end']:>14.1f}{step:>16}")
    print(f"overhead per step: {result['overhead_per_step']:.2f} s")
    print(json.dumps(of("grpo", result)))


if __name__ == "__main__":
    main()
