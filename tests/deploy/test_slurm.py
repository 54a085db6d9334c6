"""The batch script: its options, its text, and what it does with the driver's status and with signals."""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from sfray.compose import load
from sfray.deploy.job import Job, job
from sfray.deploy.slurm import script
from tests.deploy.presets import ON_8_GPUS


def of(*overrides: str) -> Job:
    """A job for Slurm."""
    everything = ["experiment=paper/countdown_7b", "deploy=slurm", "run.dir=/shared/runs", *overrides]
    return job(load(everything), everything)


def options(text: str) -> dict[str, str]:
    """The options of ``sbatch`` in a script."""
    found = re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", text, re.M)
    return dict(found)


def test_the_allocation_is_what_the_stages_need() -> None:
    text = script(of(*ON_8_GPUS, "deploy.partition=gpu", "deploy.account=lab"))
    assert options(text) == {
        "job-name": "sfray-countdown-7b",
        "partition": "gpu",
        "account": "lab",
        "nodes": "2",
        "ntasks-per-node": "1",
        "cpus-per-task": "27",
        "gpus-per-node": "4",
        "mem": "244G",
        "tmp": "251G",
        "time": "4-00:00:00",
        "signal": "B:TERM@360",
        "open-mode": "append",
        "output": "sfray-countdown-7b-%j.log",
        "exclusive": "",
        "requeue": "",
    }
    assert text.index("#SBATCH") < text.index("set -eu")
    assert "--min-nodes 2 " in text
    assert "--num-cpus=23 --num-gpus=4 --object-store-memory=3221225472 --" in text


def test_every_override_reaches_check_and_driver_as_it_was() -> None:
    text = script(of("sample.variants=[plain, plan]", "deploy.setup=['source /shared/venv/bin/activate']"))
    given = ["experiment=paper/countdown_7b", "run.dir=/shared/runs", "sample.variants=[plain, plan]"]
    wanted = [*given, "cluster.grace_seconds=270"]
    (check,) = [line for line in text.splitlines() if line.startswith("python -m sfray.cli check")]
    assert shlex.split(check)[4:] == wanted
    (driver,) = [line for line in text.splitlines() if line.lstrip().startswith('bash -c "$driver"')]
    assert shlex.split(driver)[4:-1] == wanted
    assert "\nsource /shared/venv/bin/activate\n" in text


def test_no_secret_is_in_the_script() -> None:
    text = script(of())
    assert "export RAY_AUTH_MODE=token" in text
    assert re.findall(r"RAY_AUTH_TOKEN=(.*)", text) == ["$(python -c 'import secrets; print(secrets.token_hex(32))')"]


COMMANDS = {
    # On one node a step is a command; `ray symmetric-run` runs what follows --, whatever its status.
    "srun": 'while [[ $1 == --* ]]; do shift; done; exec "$@"',
    "ray": 'until [ "$1" = -- ]; do shift; done; shift; "$@"; exit 0',
    "scontrol": 'echo "$*" >> "$CALLS"',
    "hostname": "echo 10.0.0.1",
    "python": 'case "$*" in *check*) exit "${CHECK:-0}";; -c*) echo token;; *) eval "$DRIVER";; esac',
}


@pytest.fixture
def launched(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Starts the script with commands of a Slurm node that do what it relies on, and no more."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, body in COMMANDS.items():
        (commands / name).write_text(f"#!/bin/bash\n{body}\n")
        (commands / name).chmod(stat.S_IRWXU)
    (tmp_path / "job.sh").write_text(script(of("deploy.retries=2")))

    def start(**variables: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "SLURM_SUBMIT_DIR": str(tmp_path),
            "SLURM_JOB_ID": "7",
            "TMPDIR": str(tmp_path),
            "SLURM_TMPDIR": str(tmp_path),
            "CALLS": str(tmp_path / "calls"),
            **variables,
        }
        return subprocess.Popen(["bash", "job.sh"], cwd=tmp_path, env=environment, text=True)

    return start


def calls(folder: Path) -> list[str]:
    """What ``scontrol`` was asked for."""
    return (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []


@pytest.mark.parametrize(
    ("variables", "status", "requeued"),
    [
        ({"DRIVER": "exit 0"}, 0, False),
        ({"DRIVER": "exit 1"}, 1, True),
        ({"DRIVER": "exit 75"}, 75, True),
        ({"DRIVER": "exit 2"}, 2, False),
        ({"DRIVER": "exit 1", "SLURM_RESTART_COUNT": "1"}, 1, True),
        ({"DRIVER": "exit 1", "SLURM_RESTART_COUNT": "2"}, 1, False),
        ({"CHECK": "2"}, 2, False),
    ],
)
def test_the_status_decides_whether_the_job_is_tried_again(
    launched, tmp_path: Path, variables: dict[str, str], status: int, requeued: bool
) -> None:
    assert launched(**variables).wait(30) == status
    assert calls(tmp_path) == (["requeue 7"] if requeued else [])


def test_a_ray_that_never_starts_the_driver_is_tried_again(launched, tmp_path: Path) -> None:
    (tmp_path / "bin" / "ray").write_text("#!/bin/bash\nexit 0\n")
    assert launched().wait(30) == 75
    assert calls(tmp_path) == ["requeue 7"]


def test_a_signal_reaches_the_driver_which_ends_in_its_own_time(launched, tmp_path: Path) -> None:
    saving = 'trap "sleep 1; touch saved; exit 143" TERM; touch began; while :; do sleep 0.1; done'
    script_process = launched(DRIVER=saving)
    deadline = time.monotonic() + 30
    while not (tmp_path / "began").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    script_process.send_signal(signal.SIGTERM)
    assert script_process.wait(30) == 143
    assert (tmp_path / "saved").exists()
    assert calls(tmp_path) == []
