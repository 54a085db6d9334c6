"""Joining and starting Ray."""

import pytest
import ray

from sfray.cluster import connect, disconnect, not_shared
from sfray.config import ClusterConfig

LOCAL = ClusterConfig(address="local", num_cpus=1, num_gpus=0, object_store_gib=0.1)


@pytest.mark.engine
def test_a_local_cluster_has_what_the_config_says_and_ends():
    connect(LOCAL)
    assert ray.cluster_resources()["CPU"] == 1.0
    connect(LOCAL)  # a second stage finds it there
    disconnect()
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("nodes", "job", "run_dir", "refused"),
    [
        (1, False, "runs", False),
        (3, False, "runs", False),  # the driver's own folder, which may well be shared
        (3, True, "/shared/runs", False),
        (1, True, "runs", False),
        (3, True, "runs", True),
    ],
)
def test_a_jobs_own_copy_of_the_code_is_no_place_for_a_run(monkeypatch, capsys, nodes, job, run_dir, refused):
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True}] * nodes + [{"Alive": False}])
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    if job:
        monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    problem = not_shared(run_dir)
    assert (problem is not None) is refused
    assert problem is None or "which 2 of 3 nodes cannot see" in problem
    assert ("warning" in capsys.readouterr().out) is (job and nodes == 1)
