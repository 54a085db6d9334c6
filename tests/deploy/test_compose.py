"""The file for Docker Compose mirrors the cluster: a check, a head, the workers, and the run."""

from __future__ import annotations

import shlex

import pytest

from sfray.compose import load
from sfray.deploy.compose import AUTHENTICATION, project
from sfray.deploy.job import Job, job
from tests.deploy.presets import ON_8_GPUS


def of(*overrides: str) -> Job:
    """A job for Docker Compose."""
    everything = ["experiment=paper/countdown_7b", "deploy=compose", "run.dir=/shared/runs", *overrides]
    return job(load(everything), everything)


SERVICES = project(of(*ON_8_GPUS))["services"]


def test_a_container_for_each_node() -> None:
    assert list(SERVICES) == ["check", "head", "worker-1", "worker-2", "run"]


def test_each_gpu_is_given_once() -> None:
    devices = [
        device
        for service in SERVICES.values()
        for device in service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    ]
    assert [device["device_ids"] for device in devices] == [["0", "1", "2", "3"], ["4", "5", "6", "7"]]


def test_a_refused_config_starts_nothing_and_the_run_waits_for_all_nodes() -> None:
    assert SERVICES["head"]["depends_on"] == {"check": {"condition": "service_completed_successfully"}}
    assert SERVICES["check"]["command"][:4] == ["python", "-m", "sfray.cli", "check"]
    assert set(SERVICES["run"]["depends_on"]) == {"head", "worker-1", "worker-2"}
    assert all("healthcheck" in SERVICES[name] for name in SERVICES["run"]["depends_on"])
    assert SERVICES["run"]["restart"] == "on-failure:3"
    assert "restart" not in SERVICES["check"]


@pytest.mark.parametrize("name", SERVICES)
def test_the_token_is_referred_to(name: str) -> None:
    service = SERVICES[name]
    assert service["secrets"] == [AUTHENTICATION]
    assert service["environment"]["RAY_AUTH_TOKEN_PATH"] == f"/run/secrets/{AUTHENTICATION}"
    assert service["environment"]["RAY_AUTH_MODE"] == "token"
    assert project(of())["secrets"] == {AUTHENTICATION: {"environment": "RAY_AUTH_TOKEN"}}


def test_objects_fit_into_shared_memory_and_that_into_memory() -> None:
    for name in ("head", "worker-1"):
        service = SERVICES[name]
        (store,) = [word.partition("=")[2] for word in service["command"] if word.startswith("--object-store-memory=")]
        shm, memory = int(service["shm_size"].rstrip("g")), int(service["mem_limit"].rstrip("g"))
        assert int(store) < shm * 2**30 < memory * 2**30


def test_dollars_stay_dollars() -> None:
    job_ = of("run.name=a", "task.options={}", "report.beside='$x'")
    assert "report.beside='$$x'" in project(job_)["services"]["check"]["command"]
    assert shlex.join(job_.overrides).count("$") == 1


def test_the_checkout_is_mounted_where_the_code_is_looked_for() -> None:
    for service in SERVICES.values():
        assert service["environment"]["PYTHONPATH"] == "/opt/code"
        assert service["volumes"] == ["sfray-runs:/shared", ".:/opt/code:ro"]
