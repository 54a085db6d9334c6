"""The manifests parse and hold what a healthy job needs."""

import re
from pathlib import Path

import pytest
import yaml

from sfray.compose import load
from sfray.doctor import FLASH_ATTENTION

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
        assert pod["securityContext"] == {"fsGroup": _image_user()}
        volumes = {v["name"]: v for v in pod["volumes"]}
        assert volumes["runs"]["persistentVolumeClaim"] == {"claimName": "sfray-runs"}
        assert volumes["shm"]["emptyDir"]["medium"] == "Memory"
        for container in pod["containers"]:
            mounts = {m["mountPath"] for m in container["volumeMounts"]}
            environment = {e["name"]: e.get("value") for e in container["env"]}
            assert mounts - {"/scratch"} == {"/shared", "/dev/shm"}
            assert environment.get("TMPDIR") in {None, *mounts}
            # Head and workers download to the same place, with the same rights.
            assert environment["HF_HOME"] == "/shared/huggingface"
            assert "HF_TOKEN" in environment


def _image_user() -> int:
    found = re.search(r"useradd .*--uid (\d+)", (CLUSTER / "Dockerfile").read_text())
    assert found
    return int(found[1])


def test_the_image_has_the_flash_attention_that_the_doctor_asks_for():
    assert f" {FLASH_ATTENTION}\n" in (CLUSTER / "Dockerfile").read_text()


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
