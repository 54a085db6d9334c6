"""The manifests parse and hold what a healthy job needs."""

from pathlib import Path

import pytest
import yaml

from sfray.compose import load

CLUSTER = Path(__file__).resolve().parents[2] / "cluster"


def spec_of(name: str) -> dict:
    manifest = yaml.safe_load((CLUSTER / name).read_text())
    return manifest["spec"]["rayClusterSpec"] if manifest["kind"] == "RayJob" else manifest["spec"]


@pytest.mark.parametrize("name", ["raycluster.yaml", "rayjob.yaml"])
def test_clusters_have_an_idle_head_shared_runs_and_shared_memory(name):
    spec = spec_of(name)
    assert spec["rayVersion"] == "2.60.0"
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert all(isinstance(v, str) for v in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        volumes = {v["name"]: v for v in pod["volumes"]}
        assert volumes["runs"]["persistentVolumeClaim"] == {"claimName": "sfray-runs"}
        assert volumes["shm"]["emptyDir"]["medium"] == "Memory"
        for container in pod["containers"]:
            assert {m["mountPath"] for m in container["volumeMounts"]} == {"/shared", "/dev/shm"}


def test_both_manifests_describe_the_same_cluster():
    assert spec_of("rayjob.yaml") == spec_of("raycluster.yaml")


def test_the_job_survives_a_dropped_log_and_gives_its_nodes_back():
    job = yaml.safe_load((CLUSTER / "rayjob.yaml").read_text())["spec"]
    assert job["submissionMode"] == "HTTPMode"
    assert job["shutdownAfterJobFinishes"] is True
    assert job["backoffLimit"] == 3
    program, script, *overrides = job["entrypoint"].split()
    assert (program, script) == ("python", "launch.py")
    assert load(overrides).run.dir == "/shared/runs"
