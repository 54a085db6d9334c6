"""The whole pipeline with every engine, the same with its driver killed in every stage, and a Ray job."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from sfray.compose import load
from sfray.graph import build
from sfray.store.manifest import Manifest

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 900
"""Seconds that one launch may take."""

UNDER_WAY = {
    "attempts": "part-*.parquet",
    "reflections": "part-*.parquet",
    "traces": "plan.json",
    "sft": "train/checkpoint_*",
    # verl saves a checkpoint before it logs the step: killed in between, it would lose the step's record.
    "grpo": "metrics.jsonl",
    "eval_grpo": "part-*.parquet",
}
"""What a step has written when it is in the middle of its work."""

RAY_AGENTS = ("ray::RuntimeEnvAgent", "ray::DashboardAgent")
"""They hold neither a model nor a file, and notice the end of their node only after a while."""

SAME_BYTES = ("questions", "attempts", "reflections", "traces")
"""Steps whose files must not differ by a bit between two runs."""

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3 * PATIENCE)]


def launch(folder: Path, *overrides: str) -> subprocess.Popen[bytes]:
    """Starts the smoke experiment with its run in a folder."""
    log = (folder.parent / f"{folder.name}.log").open("ab")
    command = [sys.executable, "launch.py", "experiment=smoke", f"run.dir={folder.parent}", f"run.name={folder.name}"]
    return subprocess.Popen([*command, *overrides], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)


def finish(folder: Path, *overrides: str) -> None:
    """Runs what is left of a run."""
    assert launch(folder, *overrides).wait(PATIENCE) == 0, (folder.parent / f"{folder.name}.log").read_text()[-4000:]


def kill_in(step: str, folder: Path, number: int = signal.SIGKILL) -> int:
    """Starts the run and ends its driver in the middle of a step; the driver's exit status."""
    driver = launch(folder)
    deadline = time.monotonic() + PATIENCE
    while not any((folder / step).glob(UNDER_WAY[step])):
        assert driver.poll() is None, (folder.parent / f"{folder.name}.log").read_text()[-4000:]
        assert time.monotonic() < deadline, f"{step} did not begin"
        time.sleep(0.02)
    children = [c for c in psutil.Process(driver.pid).children(recursive=True) if not is_agent(c)]
    shared = shared_memory([psutil.Process(driver.pid), *children])
    driver.send_signal(number)
    status = driver.wait(PATIENCE)
    gone, left = psutil.wait_procs(children, timeout=60)
    assert left == [], f"processes of the killed driver live on: {left}"
    assert gone
    if number != signal.SIGKILL:  # after which only the next run can tidy up
        assert [path for path in shared if path.exists()] == []
    return status


def shared_memory(processes: list[psutil.Process]) -> set[Path]:
    """The files of shared memory that processes have mapped."""
    found: set[Path] = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):  # it has just ended
            found |= {Path(m.path) for m in process.memory_maps() if m.path.startswith("/dev/shm/")}
    return found


def is_agent(process: psutil.Process) -> bool:
    """Whether it is one of Ray's agents, or has ended already."""
    try:
        return process.name() in RAY_AGENTS
    except psutil.NoSuchProcess:
        return True


def files(folder: Path, step: str) -> dict[str, bytes]:
    """The Parquet files of a step."""
    found = {p.name: p.read_bytes() for p in (folder / step).glob("*.parquet")}
    assert found
    return found


def evaluated(folder: Path, step: str) -> dict[str, str]:
    """Texts of an evaluation by id; no id may occur twice."""
    parts = [pq.read_table(part).to_pylist() for part in (folder / step).glob("part-*.parquet")]
    chosen = list(itertools.chain(*parts))
    found = {row["id"]: row["text"] for row in chosen}
    assert len(found) == len(chosen) > 0
    return found


def lines(path: Path) -> list[dict]:
    """A JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    finish(folder)
    return folder


def test_every_step_hands_over_what_the_next_one_needs(undisturbed):
    manifests = {name: Manifest.read(undisturbed / name / "manifest.json") for name in build(load())}
    assert manifests["questions"].counts == {"sft": 16, "rl": 16, "eval": 8}
    assert manifests["attempts"].counts["rows"] == 16 * 4 * 4
    assert 0 < manifests["reflections"].counts["rows"] < 16 * 4 * 4, "as many as the traces use, and a probe"
    assert 0 < manifests["reflections"].metrics["share"] < 1
    assert manifests["traces"].counts["traces"] == manifests["sft"].counts["traces"] > 0
    assert manifests["grpo"].counts["steps"] == 2
    assert len(lines(undisturbed / "grpo" / "metrics.jsonl")) == 2
    results = json.loads((undisturbed / "results" / "results.json").read_text())
    assert set(results["models"]) == {"base", "sft", "grpo"}
    page = (undisturbed / "report.html").read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")


def test_a_driver_killed_in_every_step_loses_and_doubles_nothing(undisturbed, tmp_path):
    folder = tmp_path / "killed"
    for step in UNDER_WAY:
        kill_in(step, folder)
    finish(folder)
    for step in SAME_BYTES:
        assert files(folder, step) == files(undisturbed, step), step
    model = Path("sft", "model", "model.safetensors")
    assert (folder / model).read_bytes() == (undisturbed / model).read_bytes()
    # Rollouts meet in batches by chance, and sums of floats with them: GRPO's weights differ, its bookkeeping does not.
    assert [line["step"] for line in lines(folder / "grpo" / "metrics.jsonl")] == [1, 2]
    for step in ("eval_base", "eval_sft"):
        assert evaluated(folder, step) == evaluated(undisturbed, step)
    assert sorted(evaluated(folder, "eval_grpo")) == sorted(evaluated(undisturbed, "eval_grpo"))


def test_a_driver_that_is_asked_to_end_does_so_at_once(undisturbed, tmp_path):
    """It leaves no process, starts no second Ray, says how to go on, and loses nothing."""
    folder = tmp_path / "run"
    assert kill_in("attempts", folder, signal.SIGTERM) == 128 + signal.SIGTERM
    log = (tmp_path / "run.log").read_text()
    assert "ended by SIGTERM; the same command goes on from what is done" in log
    assert "Started a local Ray instance" not in log
    finish(folder, "steps=[attempts]")
    assert files(folder, "attempts") == files(undisturbed, "attempts")


def test_a_submitted_job_joins_the_cluster_it_was_sent_to(tmp_path):
    temporary, log = Path(f"/tmp/sfray-job-{os.getpid()}"), tmp_path / "head.log"
    ray = [str(Path(sys.executable).with_name("ray"))]
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"RAY_AUTH_MODE": "disabled"}
    dashboard = free_port()
    # On its default port the agent that starts jobs would meet the agent of a cluster that ended a moment ago, and give
    # up its HTTP service for good: no job could ever be submitted.
    ports = ["--port=0", f"--dashboard-port={dashboard}", "--dashboard-agent-listen-port=0",
             f"--ray-client-server-port={free_port()}"]  # fmt: skip
    with log.open("wb") as output:
        head = subprocess.Popen(
            [*ray, "start", "--head", "--block", "--num-cpus=2", "--object-store-memory=268435456", *ports,
             "--dashboard-host=127.0.0.1", f"--temp-dir={temporary}"],
            env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        entrypoint = [
            sys.executable, "launch.py", "experiment=smoke", "steps=[attempts]",
            f"run.dir={tmp_path}", "run.name=job", "engine.actors=1",
        ]  # fmt: skip
        submit = [*ray, "job", "submit", f"--address=http://127.0.0.1:{dashboard}", "--working-dir=."]
        done = None
        for _ in range(60):  # the dashboard takes its time to listen, and then to find the agent that starts jobs
            assert head.poll() is None, log.read_text()[-4000:]
            done = subprocess.run(
                [*submit, "--", *entrypoint],
                cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE,
            )  # fmt: skip
            if not any(answer in done.stdout + done.stderr for answer in ("Failed to connect", "try again later")):
                break
            time.sleep(2)
        assert done is not None
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        assert Manifest.read(tmp_path / "job" / "attempts" / "manifest.json").counts["rows"] == 256
    finally:
        os.killpg(head.pid, signal.SIGTERM)
        head.wait(150)
