"""What the stage costs over bare verl: the same command, with and without sfray around it.

    python -m benchmarks.grpo [--steps 6] [--pairs 3] [--model tiny]

Bare verl is ``python -m verl.trainer.main_ppo`` with the same overrides and environment,
but with verl's own trainer, task runner and replay buffer, the last at the same pace, and
without seeds. Both train on the same questions from the same model. They run in pairs, and
every other pair begins with bare verl, so that a machine that gets busier favours neither. Steps
are timed by verl itself; the first, which warms up, is left out. Without seeds no two runs have the
same rollouts, so the overhead is given for a step and for as many tokens.
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
from sfray.training.grpo import data, export, metrics, process
from sfray.training.grpo import stage as grpo
from sfray.training.grpo.overrides import Paths, command

WARM_UP = 1
_OURS = ("trainer.v1.sampler.custom_sampler.", "trainer.v1.trainer_mode=", "+trainer.v1.sfray=")
_PACED = (
    "trainer.v1.sampler.custom_sampler.path=pkg://benchmarks.paced",
    "trainer.v1.sampler.custom_sampler.name=PacedReplayBuffer",
)


def config(steps: int, model: str) -> Config:
    """The quickstart's GRPO, with fewer steps, from the base model."""
    whole = load(["experiment=quickstart", f"model.path={model}", f"grpo.steps={steps}", "method=rl_only"])
    return replace(whole, grpo=replace(whole.grpo, save_every=steps, test_every=steps))


def write_data(whole: Config, folder: Path) -> Questions:
    """The questions, and the files that the stage makes of them for verl."""
    from sfray import prompts
    from sfray.tasks import questions

    source = Artifact(folder / "questions", "questions", {}, {})
    source.open()
    questions.write(whole, source)
    rl, held_out = Questions(source.path, "rl"), Questions(source.path, "eval")
    tokenizer = models.load_tokenizer(models.resolve(whole.model.path), whole.model.trust_remote_code)
    data.write(whole, prompts.load(whole.prompts), rl, held_out, tokenizer, folder)
    return rl


def train_stage(whole: Config, folder: Path, source: Path) -> tuple[float, list[dict[str, Any]]]:
    """Wall seconds and step records of the stage."""
    stage = Artifact(folder / "grpo", "grpo", asdict(whole.grpo), {})
    stage.open()
    start = time.monotonic()
    grpo.train(whole, stage, whole.model.path, Questions(source, "rl"), Questions(source, "eval"))
    return time.monotonic() - start, metrics.read(stage.path)


def train_bare(whole: Config, bare: Path, files: Path) -> tuple[float, list[dict[str, Any]]]:
    """Wall seconds and step records of verl alone, on the Parquet files in ``files``."""
    steps = metrics.new_file(bare, 0)
    read = (str(models.resolve(whole.model.path)), files / "train.parquet", files / "validation.parquet")
    paths = Paths(*read, bare / "checkpoints", process.ray_folder(bare))
    rows = count_rows(files / "train.parquet")
    lines = [*(x for x in command(whole, paths, rows, "local") if not x.startswith(_OURS)), *_PACED]
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


def run(steps: int = 6, pairs: int = 3, model: str = "tiny") -> dict[str, Any]:
    """Runs both, in pairs, and compares them; seconds."""
    whole = config(steps, model)
    made: dict[str, list[dict[str, float]]] = {"stage": [], "bare_verl": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = write_data(whole, folder).file.parent
        for pair in range(pairs):
            kinds = ("stage", "bare_verl") if pair % 2 == 0 else ("bare_verl", "stage")
            for kind in kinds:
                at = folder / f"{kind}-{pair}"
                wall, rows = train_stage(whole, at, source) if kind == "stage" else train_bare(whole, at, folder)
                made[kind].append(_figures(wall, rows))
    found = {key: overheads(made["stage"], made["bare_verl"], key) for key in ("step_mean", "kilotoken")}
    return {
        "cores": os.cpu_count(),
        "steps": steps - WARM_UP,
        "rollouts_per_step": whole.grpo.batch * whole.grpo.n,
        **made,
        "ratio_to_bare": round(statistics.mean(1 / (1 + more) for more in found["step_mean"]), 4),
        "overheads": found["step_mean"],
        "overhead": round(statistics.mean(found["step_mean"]), 4),
        "token_overheads": found["kilotoken"],
        "token_overhead": round(statistics.mean(found["kilotoken"]), 4),
    }


def overheads(stage: list[dict[str, float]], bare: list[dict[str, float]], key: str) -> list[float]:
    """For each pair, the share by which the stage takes longer than bare verl, by one of their figures."""
    return [round(a[key] / b[key] - 1, 4) for a, b in zip(stage, bare, strict=True)]


def _figures(wall: float, rows: list[dict[str, Any]]) -> dict[str, float]:
    steady = [row["seconds"] for row in rows[WARM_UP:]]
    tokens = sum(row["tokens"] for row in rows[WARM_UP:])
    return {
        "wall": round(wall, 1),
        "start_and_end": round(wall - sum(row["seconds"] for row in rows), 1),
        "kilotoken": round(1000 * sum(steady) / tokens, 4),
        "step_mean": round(statistics.mean(steady), 2),
        "guard_mean": round(statistics.mean(row.get("seconds_log_prob", 0.0) for row in rows[WARM_UP:]), 3),
        "step_std": round(statistics.stdev(steady), 2) if len(steady) > 1 else 0.0,
    }


def main() -> None:
    """Prints a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--model", default="tiny")
    chosen = parser.parse_args()
    result = run(chosen.steps, chosen.pairs, chosen.model)
    print(f"{'':12}{'wall s':>10}{'start+end s':>14}{'step s':>16}{'of it guard s':>16}{'1,000 tokens s':>16}")
    for kind in ("stage", "bare_verl"):
        for row in result[kind]:
            step = f"{row['step_mean']:.2f} ± {row['step_std']:.2f}"
            whole = f"{row['wall']:>10.1f}{row['start_and_end']:>14.1f}"
            print(f"{kind:12}{whole}{step:>16}{row['guard_mean']:>16.3f}{row['kilotoken']:>16.3f}")
    for what, key in (("a step", "overheads"), ("a token", "token_overheads")):
        print(f"overhead of {what}, by pair:", ", ".join(f"{x:+.1%}" for x in result[key]))
    print(json.dumps(of("grpo", result)))


if __name__ == "__main__":
    main()
