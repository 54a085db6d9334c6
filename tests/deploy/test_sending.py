"""What is sent, in which order, and what becomes of the answers."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import yaml

from sfray.compose import load
from sfray.config.validation import ConfigError
from sfray.deploy.job import Job, job
from sfray.deploy.sending import CheckRefused, NotChecked, NotSent, preview, request_for, send
from sfray.errors import REFUSED, TRY_AGAIN, exit_status
from tests.deploy.presets import made, preset

RECORDER = """#!/bin/bash
input=$(cat)
printf '%s\\0%s\\0' "$(basename "$0") $*" "$input" >> "$RECORD"
case "$*" in
    *"get job"*) echo "$STATE";;
    *logs*) echo "sampel.n: no such key";;
    *create*) echo created;;
esac
exit "${STATUS:-0}"
"""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Commands that write down what they were asked, and answer as a cluster does."""
    for name in ("kubectl", "sbatch", "docker"):
        (tmp_path / name).write_text(RECORDER)
        (tmp_path / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("STATE", "Complete= ")

    def read() -> list[tuple[str, str]]:
        fields = (tmp_path / "record").read_text().split("\0")[:-1]
        return list(zip(fields[::2], fields[1::2], strict=True))

    return read


def of(*overrides: str) -> Job:
    """A job of the 7B preset, with nothing that Kubernetes needs."""
    everything = ["experiment=paper/countdown_7b", "run.dir=/shared/runs", *overrides]
    return job(load(everything), everything)


def test_the_check_ends_before_anything_with_gpus_is_made(record) -> None:
    send(made("experiment=paper/countdown_7b", "deploy.namespace=lab"))
    commands = [command for command, _ in record()]
    assert [command.split()[:4] for command in commands] == [
        ["kubectl", "--namespace", "lab", word] for word in ("delete", "create", "get", "create")
    ]
    (_, check), (_, ray) = (sent for sent in record() if "create" in sent[0])
    assert yaml.safe_load(check)["kind"] == "Job"
    assert yaml.safe_load(ray)["kind"] == "RayJob"


def test_a_config_that_the_cluster_refuses_is_not_tried_again(record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE", "FailureTarget=PodFailurePolicy Failed=PodFailurePolicy ")
    with pytest.raises(CheckRefused, match=r"refused on the cluster:\nsampel\.n: no such key") as caught:
        send(preset("7B on 4 GPUs"))
    assert exit_status(caught.value) == REFUSED
    assert sum("create" in command for command, _ in record()) == 1


def test_a_check_that_did_not_end_may_be_tried_again(record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE", "Failed=DeadlineExceeded ")
    with pytest.raises(NotChecked, match="the check failed") as caught:
        send(preset("7B on 4 GPUs"))
    assert exit_status(caught.value) == TRY_AGAIN


def test_a_standing_cluster_needs_no_check(record) -> None:
    send(made("experiment=paper/countdown_7b", "deploy.kind=RayCluster"))
    ((command, text),) = record()
    assert command == "kubectl create --filename -"
    assert yaml.safe_load(text)["kind"] == "RayCluster"


def test_a_script_goes_to_sbatch(record) -> None:
    send(of("deploy=slurm"))
    ((command, text),) = record()
    assert command.strip() == "sbatch"
    assert text.startswith("#!/bin/bash\n# Written by `sfray render slurm` for sbatch: ")


def test_containers_are_started_with_a_token_of_their_own(record) -> None:
    send(of("deploy=compose"))
    ((command, text),) = record()
    assert command == "docker compose --project-directory . --file - up --exit-code-from run"
    assert list(yaml.safe_load(text)["services"]) == ["check", "head", "worker-1", "run"]


def test_a_command_that_fails_is_named_with_what_it_said(record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATUS", "3")
    with pytest.raises(NotSent, match=r"^sbatch ended with status 3"):
        send(of("deploy=slurm"))


def test_a_command_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSent, match=r"^sbatch: not installed here, deploy\.submit asks for it$"):
        send(of("deploy=slurm"))


JOBS = ("deploy.submit=jobs", "deploy.address=http://head:8265")


def test_the_jobs_api_gets_the_entrypoint_and_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.chdir(root)
    found = request_for(of(*JOBS))
    assert found == {
        "entrypoint": "python -m sfray.cli job -- experiment=paper/countdown_7b run.dir=/shared/runs "
        "cluster.grace_seconds=270",
        "runtime_env": {
            "env_vars": {"RAY_TRAIN_V2_ENABLED": "1", "TOKENIZERS_PARALLELISM": "false"},
            "working_dir": str(root),
        },
        "metadata": {"name": "sfray-countdown-7b"},
    }
    assert json.loads(json.dumps(found)) == found
    assert yaml.safe_load(preview(of(*JOBS)))["address"] == "http://head:8265"


def test_code_on_the_cluster_is_not_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    environment = request_for(of(*JOBS, "deploy.code=/shared/sfray"))["runtime_env"]
    assert environment["env_vars"]["PYTHONPATH"] == "/shared/sfray"
    assert "working_dir" not in environment
    with pytest.raises(ConfigError, match=r"^deploy\.code: must be given, or the job sent from a checkout"):
        request_for(of(*JOBS))


def test_a_preview_is_what_is_rendered() -> None:
    assert [d["kind"] for d in yaml.safe_load_all(preview(preset("7B on 4 GPUs")))] == ["Job", "RayJob"]
