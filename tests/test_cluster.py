"""Joining and starting Ray."""

import http.server
import os
import socket
import threading

import pytest
import ray

from sfray import cluster
from sfray.cluster import (
    NoCluster,
    chosen_address,
    connect,
    disconnect,
    nodes,
    on_local_disk,
    remove_old_sessions,
    require_answer,
    room,
)
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
    made = [{"Alive": alive, "Resources": {"CPU": cpus}} for alive, cpus in ((True, 2.0), (False, 8.0), (True, 4.0))]
    monkeypatch.setattr(ray, "nodes", lambda: made)
    assert nodes() == [{"CPU": 2.0}, {"CPU": 4.0}]


@pytest.mark.parametrize(
    ("alive", "cpus", "gpus", "units"),
    [
        ([{"CPU": 4.0}, {"CPU": 3.0}], 2, 0, 3),
        ([{"CPU": 8.0, "GPU": 4.0}, {"CPU": 2.0, "GPU": 8.0}], 1, 2, 4),
        ([{"CPU": 8.0}], 1, 1, 0),
        ([{"CPU": 1.0}], 1 / 3, 0, 3),
        ([], 1, 0, 0),
    ],
)
def test_units_are_whole_on_one_node(alive, cpus, gpus, units):
    assert room(alive, cpus, gpus) == units


def test_a_unit_takes_something():
    with pytest.raises(ValueError, match="any number of times"):
        room([{"CPU": 1.0}])


def test_storage_that_a_node_does_not_see_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "nodes", lambda: [{}, {}])
    monkeypatch.setattr(cluster, "_looked_for", lambda file: {"10.0.0.1": file.exists(), "10.0.0.2": False})
    with pytest.raises(cluster.NotShared, match=r"^run\.dir: .* is not seen on 10\.0\.0\.2\. Name storage"):
        cluster.require_shared(tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.engine
def test_two_nodes_see_what_they_share(tmp_path):
    from ray.cluster_utils import Cluster

    two = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 * 2**20})
    try:
        two.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        connect(ClusterConfig(address=two.address))
        assert len(nodes()) == 2
        assert list(cluster._looked_for(tmp_path).values()) == [True, True]
        assert list(cluster._looked_for(tmp_path / "none").values()) == [False, False]
        cluster.require_shared(tmp_path)
    finally:
        disconnect()
        two.shutdown()


def test_a_step_waits_for_nodes_and_says_so_once(monkeypatch, capsys):
    there = [[{"CPU": 1.0}], [{"CPU": 1.0}], [{"CPU": 1.0}, {"CPU": 4.0}]]
    monkeypatch.setattr(cluster, "nodes", lambda: there.pop(0))
    monkeypatch.setattr(cluster.time, "sleep", lambda _: None)
    config = ClusterConfig(wait_minutes=1)
    cluster.require_room(config, lambda found: "too few" if len(found) < 2 else None)
    assert there == []
    assert capsys.readouterr().out == "waiting for nodes: too few\n"


def test_a_step_without_room_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(cluster, "nodes", lambda: [{"CPU": 1.0}])
    with pytest.raises(cluster.NoRoom, match=r"^too few; or wait for nodes with cluster.wait_minutes \(no room\)$"):
        cluster.require_room(ClusterConfig(), lambda _: "too few")


@pytest.fixture
def listener():
    """A port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def web_server():
    """The port of a web server, as the dashboard is one."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("environment", "config", "chosen"),
    [
        (None, "local", "local"),
        ("", "local", "local"),
        ("10.0.0.1:6379", "local", "10.0.0.1:6379"),
        ("10.0.0.1:6379", "auto", "auto"),
        (None, "ray://head:10001", "ray://head:10001"),
    ],
)
def test_the_environment_overrules_a_local_cluster_only(monkeypatch, environment, config, chosen):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if environment is not None:
        monkeypatch.setenv("RAY_ADDRESS", environment)
    assert chosen_address(ClusterConfig(address=config)) == chosen


def test_a_dead_address_is_refused_with_its_source(monkeypatch, listener):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{closed}")
    with pytest.raises(NoCluster, match=rf"the environment's RAY_ADDRESS = 127\.0\.0\.1:{closed}: nothing answers"):
        connect(LOCAL)
    monkeypatch.delenv("RAY_ADDRESS")
    with pytest.raises(NoCluster, match=r"^cluster\.address = ray://127\.0\.0\.1:\d+: nothing answers there"):
        require_answer(ClusterConfig(address=f"ray://127.0.0.1:{closed}"))
    require_answer(ClusterConfig(address=f"127.0.0.1:{listener}"))  # silent, as Ray's own port may be
    require_answer(ClusterConfig(address="auto"))


def test_a_dashboard_is_no_cluster(monkeypatch, web_server):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(NoCluster, match="a web server answers there"):
        require_answer(ClusterConfig(address=f"127.0.0.1:{web_server}"))
    monkeypatch.setenv("RAY_ADDRESS", f"http://127.0.0.1:{web_server}")
    with pytest.raises(NoCluster, match=r"is the address of a dashboard, not of a cluster\. Unset it"):
        require_answer(LOCAL)


def test_sessions_of_drivers_that_are_gone_are_removed(tmp_path):
    mine, gone = tmp_path / f"session_2026-11-26_01-02-03_000004_{os.getpid()}", tmp_path / "session_x_4194305"
    for folder in (mine, gone, tmp_path / "session_of_somebody", tmp_path / "other_4194305"):
        (folder / "logs").mkdir(parents=True)
    (tmp_path / "session_latest").symlink_to(gone)
    assert remove_old_sessions(tmp_path) == [gone]
    assert sorted(p.name for p in tmp_path.iterdir() if not p.is_symlink()) == sorted(
        [mine.name, "session_of_somebody", "other_4194305"]
    )
    assert remove_old_sessions(tmp_path / "none") == []
