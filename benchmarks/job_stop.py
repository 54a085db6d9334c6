"""What a job that is stopped leaves: processes, shared memory, temporary files.

    python -m benchmarks.job_stop                         # at every moment
    python -m benchmarks.job_stop --moments sft grpo
    python -m benchmarks.job_stop grpo.nodes=2            # verl in the job's cluster, not in a Ray of its own

A Ray head of its own is sent the same run again and again, and each job is stopped with Ray's API at a later moment,
the last one while GRPO trains. Each goes on from what the one before has left in the run's folder. What belongs to a
job is known by a variable in the environment of the head, which all of its processes inherit.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.result import result as of
from sfray.progress import console
from sfray.training.grpo.process import shared_memory

MARKER = "SFRAY_JOB_STOP"
"""Variable that every process of the head and of its jobs has; its value is this benchmark's own."""

SETTINGS = (
    "experiment=smoke",
    "cluster=job",
    "run.name=run",
    "sft.save_every=100",
    "grpo.steps=40",
    "grpo.save_every=20",
)
"""Of the job: enough steps to be stopped between them."""

SETTLE_SECONDS, MOMENT_SECONDS, STOP_SECONDS = 30, 900, 300
"""How long processes may take to go, a moment to come, and a job to stop."""

STAY = ("IDLE", "ActorLocationTracker", "_AutoscalingCoordinatorActor", "_StatsActor")
"""Titles of what stays on a cluster: Ray's pool of workers, and three actors of Ray Data's, for all jobs."""

OURS = ("sfray", "ray", "session")
"""How the names of sfray's and Ray's temporary folders begin. Those of libraries (``torchinductor_``, ``vllm_dist_``,
``pymp-``: caches, and empty folders of processes that were killed) are not counted."""

LAUNCH = Path(__file__).parents[1] / "launch.py"


def _some(pattern: str) -> Callable[[Path], bool]:
    return lambda run: any(run.glob(pattern))


def _lines(file: str) -> Callable[[Path], bool]:
    return lambda run: (run / file).exists() and (run / file).stat().st_size > 0


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "attempts": _some("attempts/part-*.parquet"),
    "reflections": _some("reflections/part-*.parquet"),
    "sft starts": _some("sft/data.parquet"),
    "sft": _lines("sft/metrics.jsonl"),
    "evaluation": _some("eval_sft/part-*.parquet"),
    "grpo starts": _lines("grpo/verl.log"),
    "grpo": _lines("grpo/metrics.jsonl"),
}
"""Moment -> whether it has come, in the order in which they do."""


@dataclass(frozen=True)
class Left:
    """What a stopped job left.

    Attributes:
        moment: At which it was stopped.
        status: Of the job, as Ray has it.
        seconds: From the request until the job had ended.
        processes: Titles of those that live on.
        shared: Files in ``/dev/shm`` that no other process uses.
        temporary: Folders of sfray's and Ray's in the job's folder for temporary files.
    """

    moment: str
    status: str
    seconds: float
    processes: list[str]
    shared: list[str]
    temporary: list[str]

    @property
    def clean(self) -> bool:
        """Whether that is nothing."""
        return not (self.processes or self.shared or self.temporary)


@dataclass(frozen=True)
class Head:
    """A Ray head.

    Attributes:
        mark: Value of :data:`MARKER`.
        temporary: Its processes' folder for temporary files.
        address: Of its dashboard.
        before: Its own processes, and the files in ``/dev/shm``, before any job.
    """

    mark: str
    temporary: Path
    address: str
    before: tuple[frozenset[int], frozenset[str]]


@contextmanager
def head(place: Path) -> Iterator[Head]:
    """Starts a Ray head; ends it and all that carries its mark."""
    mark, temporary, ports = secrets.token_hex(8), place / "tmp", _free_ports(2)
    temporary.mkdir()
    environment = os.environ | {
        MARKER: mark,
        "TMPDIR": str(temporary),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS),
        "RAY_worker_niceness": "0",
    }
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", f"--port={ports[0]}"]
    command += [f"--dashboard-port={ports[1]}", "--dashboard-agent-listen-port=0", "--num-cpus=16", "--num-gpus=2"]
    command += [f"--temp-dir={place / 'ray'}", "--object-store-memory=200000000", "--disable-usage-stats"]
    shared = _shared()
    try:
        subprocess.run(command, env=environment, check=True, capture_output=True)
        address = f"http://127.0.0.1:{ports[1]}"
        yield Head(mark, temporary, address, (frozenset(p.pid for p in marked(mark)), shared))
    finally:
        for process in marked(mark):
            process.kill()


def _free_ports(count: int) -> list[int]:
    """Ports that nothing listens on, all at once so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def marked(mark: str) -> list[psutil.Process]:
    """The processes with a mark, this one apart."""
    wanted, found = f"{MARKER}={mark}".encode(), []
    for process in psutil.process_iter():
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        except OSError:
            continue  # gone, or another user's
        if wanted in environment.split(b"\0") and process.pid != os.getpid():
            found.append(process)
    return found


def _shared() -> frozenset[str]:
    return frozenset(path.name for path in Path("/dev/shm").iterdir())


def remains(at: Head) -> tuple[list[str], list[str], list[str]]:
    """Processes, shared memory and temporary files that are there beside what was before any job."""
    pids, shared = at.before
    processes = [p for p in marked(at.mark) if p.pid not in pids]
    titles = sorted(filter(None, (_title(process) for process in processes)))
    mine = {process.pid for process in processes}
    others = shared_memory(process for process in psutil.process_iter() if process.pid not in mine)
    new = _shared() - shared - {path.name for path in others}
    folders = sorted(path.name for path in at.temporary.iterdir() if path.name.startswith(OURS))
    return titles, sorted(new), folders


def _title(process: psutil.Process) -> str | None:
    """A process's title; None where it stays on a cluster, or has gone."""
    try:
        title = " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return None
    name = title.removeprefix("ray::").split(".")[0].strip()
    return None if not title or (title.startswith("ray::") and name in STAY) else title[:120]


def stop_at(at: Head, run_dir: Path, moment: str, extra: list[str]) -> Left:
    """Sends the job, stops it at a moment, and looks at what it left."""
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(at.address)
    command = [sys.executable, str(LAUNCH), *SETTINGS, *extra, f"run.dir={run_dir}"]
    job = client.submit_job(entrypoint=" ".join(command))
    _wait(lambda: MOMENTS[moment](run_dir / "run") or client.get_job_status(job).is_terminal(), MOMENT_SECONDS, moment)
    if client.get_job_status(job).is_terminal():
        raise RuntimeError(f"the job ended before the moment {moment!r}:\n{client.get_job_logs(job)[-3000:]}")
    began = time.monotonic()
    client.stop_job(job)
    _wait(lambda: client.get_job_status(job).is_terminal(), STOP_SECONDS, "the end of the job")
    seconds = round(time.monotonic() - began, 1)
    deadline = time.monotonic() + SETTLE_SECONDS
    while any(found := remains(at)) and time.monotonic() < deadline:
        time.sleep(1.0)
    return Left(moment, client.get_job_status(job).value, seconds, *found)


def _wait(come: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not come():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: it did not come within {seconds:g} seconds")
        time.sleep(0.1)


def run(moments: list[str], extra: list[str]) -> list[Left]:
    """What is left after each moment, in the order in which they come."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="sfray-", ignore_cleanup_errors=True) as place, head(Path(place)) as at:
        for moment in (name for name in MOMENTS if name in moments):
            rows.append(stop_at(at, Path(place) / "runs", moment, extra))
            console.print(json.dumps(asdict(rows[-1])), markup=False)
    return rows


def main() -> None:
    """Prints a line for each moment, then JSON; ends with status 1 where something is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="further overrides of the job")
    parser.add_argument("--moments", nargs="+", choices=list(MOMENTS), default=list(MOMENTS))
    chosen = parser.parse_args()
    rows = run(chosen.moments, chosen.settings)
    figures: dict[str, Any] = {r.moment: {"seconds": r.seconds, "left": int(not r.clean)} for r in rows}
    print(json.dumps(of("job_stop", figures), indent=2))
    if not all(row.clean for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
