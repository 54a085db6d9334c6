"""Joining and starting Ray."""

import pytest
import ray

from sfray.cluster import connect, disconnect, nodes, on_local_disk
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
    ("job", "run_dir", "local"),
    [
        (False, "runs", False),  # the driver's own folder, which may well be shared
        (True, "/shared/runs", False),
        (True, "runs", True),
    ],
)
def test_a_jobs_own_copy_of_the_code_is_on_local_disk(monkeypatch, job, run_dir, local):
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    if job:
        monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    problem = on_local_disk(run_dir)
    assert (problem is not None) is local
    assert problem is None or problem.startswith("run.dir: 'runs' is relative: it lies in this job's copy of the code")


def test_dead_nodes_do_not_count(monkeypatch):
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True}, {"Alive": False}, {"Alive": True}])
    assert nodes() == 2
