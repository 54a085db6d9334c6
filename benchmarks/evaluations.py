"""Several evaluations in one pool of engines against a pool for each: seconds, from an idle Ray to the last commit.

    python -m benchmarks.evaluations [--repeats 3] [--questions 64] [--models 3]

The models are the embedded one and copies of it; both ways sample the same answers, with the settings of
``experiment=quickstart``, and take turns.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.result import result as of
from benchmarks.sampling import spread
from sfray.artifacts import Questions
from sfray.compose import load
from sfray.config import ClusterConfig, Config
from sfray.models import resolve
from sfray.sampling.completions import Evaluation, sample
from sfray.store.artifact import Artifact

KINDS = ("apart", "together")


def run(repeats: int = 3, questions: int = 64, models: int = 3) -> dict[str, Any]:
    """Measures both ways in turn; the first turn of each, in which files are read for the first time, is left out.

    Returns:
        Seconds of each way (mean and standard deviation), and those apart over those together.
    """
    from sfray.cluster import connect, disconnect
    from sfray.tasks import questions as task

    config = load(["experiment=quickstart", f"task.eval.count={questions}", "run.shard_questions=16"])
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        asked = Artifact(Path(name) / "questions", "questions", {}, {})
        asked.open()
        task.write(config, asked)
        sources = [shutil.copytree(resolve("tiny"), Path(name) / f"model{i}") for i in range(models)]
        connect(ClusterConfig(address="local", num_cpus=2, num_gpus=0))
        try:
            for turn in range(repeats + 1):
                for kind in KINDS:
                    root = Path(name) / f"{turn}-{kind}"
                    took = _seconds(kind, _evaluations(config, root, sources, Questions(asked.path, "eval")))
                    seconds[kind] += [took] if turn else []
        finally:
            disconnect()
    ratios = [a / t for a, t in zip(seconds["apart"], seconds["together"], strict=True)]
    figures = {f"{kind}_seconds": spread(values) for kind, values in seconds.items()}
    return figures | {"ratio": spread(ratios), "questions": questions, "models": models, "repeats": repeats}


def _evaluations(config: Config, root: Path, models: Sequence[Path], asked: Questions) -> list[Evaluation]:
    found = []
    for model in models:
        output = Artifact(root / model.name, "evaluate", {}, {"model": model.name})
        output.open()
        given: Any = dataclasses.replace(config, model=dataclasses.replace(config.model, path=str(model)))
        found.append(Evaluation(given, output, str(model), asked))
    return found


def _seconds(kind: str, evaluations: Sequence[Evaluation]) -> float:
    began = time.monotonic()
    for group in [evaluations] if kind == "together" else [[one] for one in evaluations]:
        for _ in sample(group):
            pass
    return time.monotonic() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for option, default in (("repeats", 3), ("questions", 64), ("models", 3)):
        parser.add_argument(f"--{option}", type=int, default=default)
    print(json.dumps(of("evaluations", run(**vars(parser.parse_args()))), indent=2))
