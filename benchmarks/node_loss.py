"""A node that is lost in the middle of a step: what is made again, and whether the result is the same.

    python -m benchmarks.node_loss                        # all stages
    python -m benchmarks.node_loss --stages traces        # seconds
    python -m benchmarks.node_loss --stages attempts --moments 0.1 0.5 0.9

Each step runs twice on two raylets of this machine (``ray.cluster_utils.Cluster``), with a worker of its own on each:
once undisturbed, and once where the second raylet and all of its processes are killed as soon as a share of the work
is done. SFT and GRPO have no room without that node, so another one joins ten seconds later; SFT with
``sft.min_workers=1`` (``fewer``) goes on without it. Two results are the same where the bytes of all parts, or the
losses (GRPO's rewards) of all steps and the weights, are equal; of ``fewer``, where losses differ by rounding alone.
"""

from __future__ import annotations

import argparse
import atexit
import dataclasses
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.result import result as of
from benchmarks.traces import write_run
from sfray import cluster
from sfray.artifacts import Attempts, Questions, Reflections, Traces
from sfray.compose import load
from sfray.config import ClusterConfig, Config
from sfray.models import TINY
from sfray.progress import console
from sfray.store import workers
from sfray.store.artifact import Artifact

SHARDS, QUESTIONS, STEPS, UPDATES = 24, 64, 30, 5
"""Shards, questions in each of those of traces, steps of SFT and of GRPO."""

BACK_SECONDS = 10.0
"""After which another node joins, where there is no room without one."""

OBJECTS = 80 << 20

ROUNDING = 1e-3
"""Largest difference of losses that sums in another order make in 30 steps."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of work.

    Attributes:
        make: Makes its artifact, from what :func:`prepared` has left in a folder.
        cpus: Of the first node and of the second.
        back: Whether it needs a node in the place of the one that is lost.
        done: Units that are finished.
        units: How many there are.
        saved: Units between two checkpoints, where a checkpoint is what it goes on from.
        gpus: Of each node, logical ones: verl counts its ranks in them.
        overrides: Of its config.
        rounds: Whether sums in another order may round its losses otherwise.
    """

    make: Callable[[Config, Artifact, Path], None]
    cpus: tuple[int, int]
    back: bool
    done: Callable[[Artifact], int]
    units: int
    saved: int = 0
    gpus: int = 0
    overrides: tuple[str, ...] = ()
    rounds: bool = False


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a step left.

    Attributes:
        files: A hash of the bytes of its parts, or of its weights.
        figures: The losses, or GRPO's rewards, of its steps.
        incidents: As the manifest counts them.
        redone: Shards or steps that were made again.
        seconds: Of the step.
    """

    files: str
    figures: list[float]
    incidents: dict[str, int]
    redone: int
    seconds: float


def prepared(folder: Path, config: Config) -> None:
    """Writes what the steps read: questions with attempts and reflections, and traces of them for SFT."""
    from sfray.tasks import questions

    write_run(folder / "rows", SHARDS * QUESTIONS, QUESTIONS)
    asked = Artifact(folder / "questions", "questions", {}, {})
    asked.open()
    questions.write(config, asked)


def _attempts(config: Config, output: Artifact, folder: Path) -> None:
    from sfray.sampling import attempts

    attempts.sample(config, output, "tiny", Questions(folder / "questions", "sft"))


def _traces(config: Config, output: Artifact, folder: Path) -> None:
    from sfray.traces import builder

    rows = folder / "rows"
    sources = builder.Sources(
        Questions(rows / "questions", "sft"), Attempts(rows / "attempts"), Reflections(rows / "reflections")
    )
    builder.build(config, output, str(TINY), sources)


def _sft(config: Config, output: Artifact, folder: Path) -> None:
    from sfray.training.sft import stage

    stage.train(config, output, "tiny", Traces(folder / "traces"))


def _grpo(config: Config, output: Artifact, folder: Path) -> None:
    from sfray.training.grpo import stage

    cluster.disconnect()  # verl's process is the one that joins
    stage.train(config, output, "tiny", Questions(folder / "questions", "rl"), Questions(folder / "questions", "eval"))


def _updates(output: Artifact) -> int:
    from sfray.training.grpo import export, metrics

    if export.last_step(output.path / "checkpoints") == 0:
        return 0  # without a checkpoint there is nothing to go on from
    return len(metrics.read(output.path))


def _steps(output: Artifact) -> int:
    from sfray.training.sft.loop import read_metrics

    return len(read_metrics(output.path / "metrics.jsonl"))


KINDS = {
    "attempts": Kind(_attempts, (2, 1), False, lambda output: len(output.parts()), SHARDS),
    "traces": Kind(_traces, (1, 1), False, lambda output: len(output.parts()), SHARDS),
    "sft": Kind(_sft, (1, 1), True, _steps, STEPS, saved=5),
    "fewer": Kind(_sft, (1, 1), False, _steps, STEPS, saved=5, overrides=("sft.min_workers=1",), rounds=True),
    "grpo": Kind(_grpo, (8, 8), True, _updates, UPDATES, saved=2, gpus=1),
}


def settings(address: str, overrides: Sequence[str] = ()) -> Config:
    """Small work of each kind, with a worker on each node."""
    return load(
        [
            "experiment=smoke",
            "cluster=job",
            f"cluster.address={address}",
            "run.shard_questions=4",
            f"task.sft.count={4 * SHARDS}",
            "engine.actors=2",
            "engine.shards_in_flight=2",
            "engine.kv_cache_gib=0.125",
            "trace.builders=2",
            "sft.workers=2",
            "sft.cpus_per_worker=1",
            "sft.zero=1",
            "sft.batch=8",
            "sft.micro_batch=4",
            f"sft.max_steps={STEPS}",
            "sft.save_every=5",
            "grpo.nodes=2",
            f"grpo.steps={UPDATES}",
            "grpo.save_every=2",
            "grpo.test_every=100",
            "grpo.max_response=64",
            *overrides,
        ]
    )


@contextmanager
def two_nodes(kind: Kind) -> Iterator[Any]:
    """Two raylets of this machine, joined; yields the cluster."""
    cluster.prepare()
    from ray.cluster_utils import Cluster

    first, second = ({"num_cpus": n, "num_gpus": kind.gpus, "object_store_memory": OBJECTS} for n in kind.cpus)
    made = Cluster(initialize_head=True, head_node_args=first)
    try:
        made.add_node(**second)
        cluster.connect(ClusterConfig(address=made.address))
        yield made
    finally:
        cluster.disconnect()
        made.shutdown()


def once(name: str, folder: Path, output: Artifact, moment: float | None) -> Outcome:
    """Makes a step; with a ``moment``, the second node is lost when that share of its units is done."""
    kind, began = KINDS[name], time.monotonic()
    seen: list[int] = []
    with two_nodes(kind) as made:
        output.open()
        if moment is not None:
            threading.Thread(target=_lose, args=(made, kind, output, moment, seen), daemon=True).start()
        kind.make(settings(made.address, kind.overrides), output, folder)
    if moment is not None and not seen:
        raise RuntimeError(f"{name}: it was done before the node was lost; give it more to do")
    incidents = dict(output.manifest.incidents)
    redone = seen[0] % kind.saved if kind.saved and seen else incidents.get("shards_made_twice", 0)
    return Outcome(files(name, output), figures(name, output), incidents, redone, round(time.monotonic() - began, 1))


def _lose(made: Any, kind: Kind, output: Artifact, moment: float, seen: list[int]) -> None:
    """Kills the second node once a share of the work is done and it has some of the rest, as verl's always have."""
    node = made.list_all_nodes()[1]
    wanted = max(1, int(moment * kind.units))
    while kind.done(output) < wanted or not (
        kind.gpus or any(r.busy and r.who.node == node.node_id for r in _read(output))
    ):
        time.sleep(0.02)
    seen.append(kind.done(output))
    made.remove_node(node, allow_graceful=False)
    if kind.back:
        time.sleep(BACK_SECONDS)
        _join(made, kind)


def _join(made: Any, kind: Kind) -> None:
    """Has another node join, in processes of its own: Ray starts one inside this process from the main thread alone."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--address={made.address}", "--block"]
    logical = [f"--num-cpus={kind.cpus[1]}", f"--num-gpus={kind.gpus}", f"--object-store-memory={OBJECTS}"]
    node = subprocess.Popen([*command, *logical], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    atexit.register(node.terminate)


def _read(output: Artifact) -> list[workers.Record]:
    return workers.read(output.path)


def files(name: str, output: Artifact) -> str:
    """A hash of the bytes of the parts, or of the weights."""
    digest = hashlib.sha256()
    for file in sorted(output.path.glob("model/*.safetensors")) if KINDS[name].saved else output.parts():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def figures(name: str, output: Artifact) -> list[float]:
    """The losses of SFT, or the rewards of GRPO."""
    if not KINDS[name].saved:
        return []
    lines = (output.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["reward" if name == "grpo" else "loss"] for line in lines]


def same(name: str, one: Outcome, other: Outcome) -> bool:
    """Whether two runs of a step have the same result."""
    if KINDS[name].rounds:
        return len(one.figures) == len(other.figures) and bool(np.allclose(one.figures, other.figures, atol=ROUNDING))
    return (one.files, one.figures) == (other.files, other.figures)


def run(names: list[str], moments: list[float]) -> list[dict[str, Any]]:
    """A row for each stage and moment."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepared(folder, settings("auto"))
        tunes = any(KINDS[name].make is _sft for name in names)
        for name in ["traces", *(n for n in names if n != "traces")] if tunes else names:
            undisturbed = once(name, folder, Artifact(folder / name, name, {}, {}), None)
            for moment in moments if name in names else []:
                lost = once(name, folder, Artifact(folder / f"{name}-{moment}", name, {}, {}), moment)
                rows.append(
                    {
                        "stage": name,
                        "moment": moment,
                        "units": KINDS[name].units,
                        "redone": lost.redone,
                        "same": same(name, lost, undisturbed),
                        "incidents": workers.spoken(lost.incidents),
                        "seconds": lost.seconds,
                        "undisturbed_seconds": undisturbed.seconds,
                    }
                )
                console.print(json.dumps(rows[-1]), markup=False)
    return rows


def main() -> None:
    """Prints a table and JSON; ends with status 1 where a result is not the same or a node was not counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--moments", nargs="+", type=float, default=[0.3])
    chosen = parser.parse_args()
    rows = run(chosen.stages, chosen.moments)
    console.print("stage      lost after  made again  the same  told")
    for row in rows:
        share, redone = f"{row['moment']:.0%}", f"{row['redone']} of {row['units']}"
        console.print(f"{row['stage']:<9}  {share:>10}  {redone:>10}  {row['same']!s:>8}  {row['incidents']}")
    print(json.dumps(of("node_loss", {f"{r['stage']}-{r['moment']}": r for r in rows}), indent=2))
    if not all(row["same"] and "node lost" in row["incidents"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
