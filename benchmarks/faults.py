"""Ray's own fault injection over a small pipeline: whatever fails, the artifacts are the same.

    python -m benchmarks.faults --schedules 200 --seed 0 --at-once 2
    python -m benchmarks.faults --only 17                   # the schedule of seed 17 again

A schedule says which calls between Ray's processes fail, how (the request is lost, the answer is lost, or the caller
gives up while it is under way) and how often: the first n calls of a kind in each process. It is drawn from its seed
and handed to Ray as ``RAY_testing_rpc_failure``, which Ray's tests use. Each schedule has a Ray of its own, in which
shards go through the sampling pool on Ray Data, with rows of a table in place of an engine's, and then through the
builders of traces. Compared with a run without faults: every byte of every part, so nothing is lost, doubled or other.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.result import result as of
from benchmarks.traces import write_run
from sfray import cluster, seeds
from sfray.artifacts import Attempts, Questions, Reflections
from sfray.config import ClusterConfig, Config, EngineConfig, TraceConfig
from sfray.io.arrow import from_table
from sfray.models import TINY
from sfray.progress import console
from sfray.records import Attempt
from sfray.sampling.feed import Use
from sfray.sampling.job import Finished, ShardJob
from sfray.sampling.shards import run_shards
from sfray.store import workers
from sfray.store.artifact import Artifact

SHARDS, QUESTIONS = 6, 8
"""Shards, and questions in each."""

LIMIT_SECONDS = 300.0
"""After which a schedule counts as one that hangs."""

METHODS = (
    "ray::rpc::ActorInfoGcsService.grpc_client.RegisterActor",
    "ray::rpc::ActorInfoGcsService.grpc_client.CreateActor",
    "ray::rpc::ActorInfoGcsService.grpc_client.GetActorInfo",
    "ray::rpc::ActorInfoGcsService.grpc_client.KillActorViaGcs",
    "ray::rpc::ActorInfoGcsService.grpc_client.ReportActorOutOfScope",
    "ray::rpc::InternalKVGcsService.grpc_client.InternalKVGet",
    "ray::rpc::InternalKVGcsService.grpc_client.InternalKVPut",
    "ray::rpc::NodeInfoGcsService.grpc_client.GetAllNodeInfo",
    "NodeManagerService.grpc_client.RequestWorkerLease",
    "NodeManagerService.grpc_client.ReturnWorkerLease",
    "NodeManagerService.grpc_client.PinObjectIDs",
    "CoreWorkerService.grpc_client.PushTask",
    "CoreWorkerService.grpc_client.ReportGeneratorItemReturns",
    "CoreWorkerService.grpc_client.WaitForActorRefDeleted",
)
"""Calls that the pipeline makes, by the names that Ray 2.60 has for them."""

_TOLD = "told.json"
"""What the process of a schedule leaves: of each stage the hash and the incidents."""

_INJECTED = "injected"
"""And how many calls were made to fail."""

_NOT_STARTED = "The current node timed out during startup"

WAYS = ("req", "resp", "in_flight")


def schedule(seed: int) -> dict[str, dict[str, int]]:
    """What fails under a seed, as ``RAY_testing_rpc_failure`` takes it."""
    rng = seeds.rng("benchmark", "faults", seed)
    drawn = rng.sample(METHODS, rng.randint(1, 4))
    return {name: _failing(rng.choice(WAYS), rng.randint(1, 3)) for name in drawn}


def _failing(way: str, times: int) -> dict[str, int]:
    """So many failures, the first ones, in one way."""
    return {"num_failures": times, f"num_lower_bound_{way}_failures": times}


@dataclasses.dataclass(frozen=True)
class Recorded(ShardJob):
    """Rows of a table in place of an engine's.

    Attributes:
        rows_of: Folder of finished attempts.
    """

    rows_of: Path

    record = Attempt

    @property
    def decoding(self) -> Any:
        """None: nothing is drawn."""
        return None

    def engine(self, model: str, on_step: Callable[[int], None]) -> Any:  # noqa: ARG002 - there is none
        """One that is asked nothing."""
        return Recording()

    def requests(self, shard: int) -> Any:  # noqa: ARG002 - as it is called
        """None: nothing is asked."""
        return None

    def rows(self, source: Any, samples: Any) -> Any:  # noqa: ARG002 - as it is called
        """None: nothing is answered."""
        return None

    def finished(self, engine: Any, shard: int) -> Finished:  # noqa: ARG002 - as it is called
        """The table's rows of a shard."""
        rows = from_table(Attempt, pq.read_table(Attempts(self.rows_of).shard(shard)))
        return Finished(rows, [], sum(row.tokens for row in rows))


class Recording:
    """An engine that is asked nothing."""

    def __init__(self) -> None:
        self.feed, self.start = self, (time.time(),) * 3

    def take_use(self) -> Use:
        """It was never used."""
        return Use()

    def close(self) -> None:
        """There is nothing to free."""


def drive(rows: Path, folder: Path) -> None:
    """Both stages, in a Ray of this process, which is only for that; leaves a hash of each artifact."""
    cluster.connect(ClusterConfig(address="local", num_cpus=2, num_gpus=0, object_store_gib=0.08))
    config = Config(engine=EngineConfig(actors=1, shards_in_flight=2, timeout_minutes=4), trace=TraceConfig(builders=1))
    attempts = Artifact(folder / "attempts", "attempts", {}, {})
    attempts.open()
    written = run_shards(Recorded(attempts, config, rows / "attempts"), "", SHARDS, "attempts")  # type: ignore[arg-type]
    attempts.commit({"rows": sum(written.values())}, written=written)
    traces = Artifact(folder / "traces", "traces", {}, {})
    traces.open()
    _build(config, traces, attempts, rows)
    told = {made.stage: {"hash": _hash(made), "incidents": made.manifest.incidents} for made in (attempts, traces)}
    (folder / _TOLD).write_text(json.dumps(told), encoding="utf-8")
    (folder / _INJECTED).write_text(str(_injected(cluster.logs())), encoding="utf-8")
    cluster.disconnect()


def _injected(logs: Path | None) -> int:
    """How many calls Ray says that it has made to fail."""
    return sum(p.read_bytes().count(b"Inject RPC ") for p in logs.iterdir() if p.is_file()) if logs else 0


def _build(config: Config, output: Artifact, attempts: Artifact, rows: Path) -> None:
    from sfray.traces import builder

    sources = builder.Sources(
        Questions(rows / "questions", "sft"), Attempts(attempts.path), Reflections(rows / "reflections")
    )
    builder.build(config, output, str(TINY), sources)  # type: ignore[arg-type]


def _hash(made: Artifact) -> str:
    digest = hashlib.sha256()
    for file in made.parts():
        digest.update(file.read_bytes())
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a schedule.

    Attributes:
        artifacts: Stage -> its hash and incidents; empty where it did not end well.
        injected: Calls that Ray says it made to fail.
        said: The end of what it printed, where it did not.
        seconds: That it took.
    """

    artifacts: dict[str, dict[str, Any]]
    said: str
    seconds: float
    injected: int = 0

    @property
    def hashes(self) -> dict[str, str]:
        """Stage -> hash."""
        return {name: made["hash"] for name, made in self.artifacts.items()}


def attempt(rows: Path, faults: dict[str, dict[str, int]]) -> Outcome:
    """Runs the pipeline under a schedule, in a process of its own."""
    began = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if faults:
        environment["RAY_testing_rpc_failure"] = json.dumps(faults)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.faults", "--drive", str(rows), folder]
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return Outcome({}, f"not done after {LIMIT_SECONDS:g} s", LIMIT_SECONDS)
        seconds, file = time.monotonic() - began, Path(folder, _TOLD)
        if done.returncode or not file.exists():
            return Outcome({}, (done.stdout + done.stderr)[-2000:], seconds)
        injected = int(Path(folder, _INJECTED).read_text(encoding="utf-8"))
        return Outcome(json.loads(file.read_text(encoding="utf-8")), "", seconds, injected)


def started(rows: Path, seed: int) -> Outcome:
    """What comes of the schedule of a seed, once its Ray has started: on a busy machine Ray gives up after 30 s."""
    while True:
        outcome = attempt(rows, schedule(seed))
        if _NOT_STARTED not in outcome.said:
            return outcome


def run(wanted: Sequence[int], at_once: int = 1) -> dict[str, Any]:
    """Runs schedules, some at a time; says each that breaks a promise, with its seed."""
    broken, incidents, injected, times = [], 0, 0, []
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(at_once) as pool:
        rows = Path(name)
        write_run(rows, SHARDS * QUESTIONS, QUESTIONS)
        expected = attempt(rows, {})
        if not expected.hashes:
            raise RuntimeError(f"the run without faults failed:\n{expected.said}")
        for seed, outcome in zip(wanted, pool.map(functools.partial(started, rows), wanted), strict=True):
            times.append(outcome.seconds)
            injected += outcome.injected
            told = [workers.spoken(made["incidents"]) for made in outcome.artifacts.values()]
            incidents += any(told)
            good = outcome.hashes == expected.hashes
            broken += [] if good else [seed]
            what = "same" if good else "OTHER ARTIFACTS" if outcome.hashes else f"FAILED: {outcome.said}"
            shown = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in schedule(seed).items())
            happened = "; ".join([f"{outcome.injected} calls failed", *filter(None, told)])
            line = f"{seed}: {what}, {outcome.seconds:.0f} s; {happened}; {shown}"
            console.print(line, markup=False)
    return {
        "schedules": len(wanted),
        "violations": len(broken),
        "injected": injected,
        "with_incidents": incidents,
        "seconds": round(sum(times), 1),
        "seeds_of_violations": " ".join(map(str, broken)),
    }


def main() -> None:
    """Prints a line for each schedule, then JSON; ends with status 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first; the next has the next number")
    parser.add_argument("--only", type=int, help="one schedule, by its seed")
    parser.add_argument("--at-once", type=int, default=1, help="schedules at a time, each with a Ray of its own")
    parser.add_argument("--drive", type=Path, nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.drive:
        drive(*chosen.drive)
        return
    one = chosen.only is not None
    figures = run([chosen.only] if one else range(chosen.seed, chosen.seed + chosen.schedules), chosen.at_once)
    print(json.dumps(of("faults", figures), indent=2))
    if figures["violations"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
