"""Sampling on Ray Data against bare ``LLM.generate`` in one process: tokens per second.

    python -m benchmarks.sampling [--repeats 3] [--shards 12]

Both sample the same attempts from the embedded model, shard by shard, with one engine of
one thread. The first shards, with the engine's start and its first compilation, are
warm-up and are left out. Each kind has a process of its own and they take turns.
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
from pathlib import Path
from typing import Any

from benchmarks.result import result as of
from sfray.artifacts import Questions
from sfray.config import (
    ClusterConfig,
    Config,
    EngineConfig,
    ModelConfig,
    RunConfig,
    SampleConfig,
    SplitConfig,
    TaskConfig,
)
from sfray.store.artifact import Artifact

WARM_UP = 2
KINDS = ("bare", "sfray")


def config(shards: int) -> Config:
    """Shards of 16 questions x 4 variants x 4 samples."""
    return Config(
        run=RunConfig(shard_questions=16),
        task=TaskConfig(sft=SplitConfig(["3"], 16 * shards)),
        model=ModelConfig(context=2048),
        engine=EngineConfig(actors=1),
        sample=SampleConfig(n=4, top_p=1.0, top_k=0, repetition_penalty=1.0, max_tokens=160),
        cluster=ClusterConfig(address="local", num_cpus=2, num_gpus=0),
    )


def prepare(folder: Path, settings: Config) -> Any:
    """Writes the questions; returns the job over them."""
    from sfray.sampling.attempts import AttemptJob
    from sfray.tasks import questions

    stage = Artifact(folder / "questions", "questions", {}, {})
    stage.open()
    questions.write(settings, stage)
    target = Artifact(folder / "attempts", "attempts", {}, {})
    target.open()
    return AttemptJob(target, settings, Questions(stage.path, "sft"))


def bare(folder: Path, shards: int) -> list[tuple[float, int]]:
    """Samples in this process, judges nothing, writes nothing."""
    from sfray.models import resolve
    from sfray.sampling.engine import Engine

    settings = config(shards)
    job = prepare(folder, settings)
    engine = Engine(resolve("tiny"), settings.model, settings.engine)
    marks = []
    for shard in range(shards):
        _, requests, _ = job.requests(shard)
        outputs = engine.sample(requests, job.decoding)
        marks.append((time.perf_counter(), sum(s.tokens for o in outputs if not isinstance(o, int) for s in o)))
    return marks


def sfray(folder: Path, shards: int) -> list[tuple[float, int]]:
    """The stage's own way: a pool of one actor, judged and persisted."""
    from sfray.cluster import connect, disconnect
    from sfray.sampling.shards import summaries

    settings = config(shards)
    job = prepare(folder, settings)
    connect(settings.cluster)
    marks = [(time.perf_counter(), s["tokens"]) for s in summaries(job, "tiny", range(shards))]
    disconnect()
    return marks


def speed(marks: list[tuple[float, int]]) -> float:
    """Tokens per second after the warm-up."""
    seconds = marks[-1][0] - marks[WARM_UP - 1][0]
    return sum(tokens for _, tokens in marks[WARM_UP:]) / seconds


def run(repeats: int = 3, shards: int = 12) -> dict[str, Any]:
    """Measures both kinds in turn.

    Returns:
        Tokens per second of each (mean and standard deviation) and the ratio sfray / bare.
    """
    speeds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(repeats):
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as name:
                speeds[kind].append(_measured(kind, Path(name), shards))
    ratios = [ours / theirs for ours, theirs in zip(speeds["sfray"], speeds["bare"], strict=True)]
    return {
        **{f"{kind}_tokens_per_second": _spread(values) for kind, values in speeds.items()},
        "ratio": _spread(ratios),
        "shards": shards,
        "repeats": repeats,
    }


def _measured(kind: str, folder: Path, shards: int) -> float:
    from sfray.sampling.engine import environment

    command = [
        sys.executable,
        "-m",
        "benchmarks.sampling",
        "--kind",
        kind,
        "--folder",
        str(folder),
        "--shards",
        str(shards),
    ]
    done = subprocess.run(
        command, env=os.environ | environment(EngineConfig()), capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": statistics.mean(values), "stdev": statistics.stdev(values) if len(values) > 1 else 0.0}


def main() -> None:
    """Prints a table and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shards", type=int, default=12)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.kind:
        print(speed({"bare": bare, "sfray": sfray}[arguments.kind](arguments.folder, arguments.shards)))
        return
    result = run(arguments.repeats, arguments.shards)
    for key, value in result.items():
        print(
            f"{key:28} {value['mean']:10.3f} +- {value['stdev']:.3f}"
            if isinstance(value, dict)
            else f"{key:28} {value}"
        )
    print(json.dumps(of("sampling", result)))


if __name__ == "__main__":
    main()
