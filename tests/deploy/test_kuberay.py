"""Manifests say what the job says, and hold for any cluster that can be derived."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sfray.compose import load
from sfray.deploy.job import job
from sfray.deploy.kuberay import IMAGE_USER, manifests, ray_job, to_yaml
from sfray.deploy.quantity import quantity
from sfray.deploy.rules import faults
from tests.deploy.presets import PRESETS, made, preset
from tests.deploy.test_needs import with_group

ROOT = Path(__file__).resolve().parents[2]
BASE = preset("7B on 4 GPUs").config
ARCHIVE = "https://github.com/lab/sfray/archive/refs/tags/v0.1.0.zip"


def pod_of(group: dict) -> dict:
    """The pod of a head or worker group."""
    return group["template"]["spec"]


def test_the_entrypoint_is_the_run_and_composes_to_the_same_config() -> None:
    job = made("experiment=paper/countdown_7b", "sample.variants=[plain, plan]", "sft.lr=2e-6", "deploy.queue=t")
    program = shlex.split(ray_job(job)["spec"]["entrypoint"])
    assert program[:5] == ["python", "-m", "sfray.cli", "job", "--"]
    again = load(program[5:])
    assert (again.run, again.sft, again.sample) == (job.config.run, job.config.sft, job.config.sample)
    assert again.sample.variants == ["plain", "plan"]


def test_a_check_without_gpus_comes_first() -> None:
    check, job = manifests(preset("7B on 8 GPUs"))
    assert (check["kind"], job["kind"]) == ("Job", "RayJob")
    assert "nvidia.com/gpu" not in yaml.safe_dump(check)
    assert check["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [2]
    assert check["spec"]["template"]["spec"]["containers"][0]["command"][:4] == ["python", "-m", "sfray.cli", "check"]


def test_an_archive_of_code_travels_with_the_job() -> None:
    (job,) = manifests(made("experiment=paper/countdown_7b", f"deploy.code={ARCHIVE}"))
    assert yaml.safe_load(job["spec"]["runtimeEnvYAML"]) == {"working_dir": ARCHIVE}
    assert "PYTHONPATH" not in yaml.safe_dump(job)


def test_a_folder_of_code_is_found_by_every_process() -> None:
    job = ray_job(preset("1.5B on 4 GPUs"))
    assert "runtimeEnvYAML" not in job["spec"]
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        variables = {v["name"]: v.get("value") for v in pod_of(group)["containers"][0]["env"]}
        assert variables["PYTHONPATH"] == "/shared/sfray"
        assert variables["HF_HOME"] == "/shared/huggingface"


def test_secrets_are_referred_to() -> None:
    text = to_yaml(manifests(made("experiment=paper/countdown_7b", "deploy.auth_secret=ray", "deploy.hub_secret=hub")))
    assert "secretName: ray" in text
    assert re.search(r"name: HF_TOKEN\n\s+valueFrom:\n\s+secretKeyRef:\n\s+name: hub\n\s+key: token", text)
    none = to_yaml(manifests(made("experiment=paper/countdown_7b", "deploy.hub_secret=null")))
    assert "HF_TOKEN" not in none
    assert "secretName" not in none


def test_what_the_cluster_calls_things_is_configured() -> None:
    job = made(
        "experiment=paper/countdown_7b",
        "deploy.gpu_resource=amd.com/gpu",
        "deploy.queue=team",
        "deploy.namespace=lab",
        "+deploy.node_selector.pool=gpu",
        "deploy.pull_secrets=[pull]",
        "deploy.service_account=trainer",
    )
    check, found = manifests(job)
    assert faults(found, job) == faults(check, job) == []
    assert found["metadata"] == {
        "name": "sfray-countdown-7b",
        "namespace": "lab",
        "labels": {"kueue.x-k8s.io/queue-name": "team"},
    }
    cluster = found["spec"]["rayClusterSpec"]
    head, worker = pod_of(cluster["headGroupSpec"]), pod_of(cluster["workerGroupSpecs"][0])
    assert worker["containers"][0]["resources"]["limits"]["amd.com/gpu"] == "4"
    assert worker["nodeSelector"] == {"pool": "gpu"}
    assert "nodeSelector" not in head
    assert [pod["serviceAccountName"] for pod in (head, worker)] == ["trainer", "trainer"]
    assert worker["imagePullSecrets"] == [{"name": "pull"}]


def test_the_users_of_pods_and_image_are_one() -> None:
    found = re.search(r"useradd .*--uid (\d+)", (ROOT / "cluster" / "Dockerfile").read_text(encoding="utf-8"))
    assert found
    assert int(found[1]) == IMAGE_USER


def test_yaml_reads_back_as_it_was() -> None:
    found = manifests(preset("OpenThoughts, 1,000"))
    text = to_yaml(found, ["first line", "second"])
    assert text.startswith("# first line\n# second\napiVersion: batch/v1\n")
    assert list(yaml.safe_load_all(text)) == found


@pytest.mark.parametrize("name", PRESETS)
def test_shared_memory_is_left_for_the_stages(name: str) -> None:
    cluster = ray_job(preset(name))["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = pod_of(group)
        (shm,) = [v["emptyDir"]["sizeLimit"] for v in pod["volumes"] if v["name"] == "shm"]
        store = int(group["rayStartParams"]["object-store-memory"])
        memory = pod["containers"][0]["resources"]["limits"]["memory"]
        size, most = quantity(shm), quantity(memory)
        assert size is not None
        assert most is not None
        assert store < size < most
        gpus = int(pod["containers"][0]["resources"]["limits"].get("nvidia.com/gpu", 0))
        assert size - store >= gpus * 3 * 2**30  # NCCL's GiB and verl's bucket of 2 for each


@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(
    nodes=st.integers(1, 4),
    ranks=st.sampled_from([2, 4, 8]),
    retries=st.integers(0, 9),
    hours=st.floats(1, 500),
    keep=st.floats(0, 1000),
    speed=st.floats(0.01, 50),
    kind=st.sampled_from(["RayJob", "RayCluster"]),
)
def test_whatever_is_derived_breaks_no_rule(
    nodes: int, ranks: int, retries: int, hours: float, keep: float, speed: float, kind: str
) -> None:
    gpus = nodes * ranks
    config = with_group(BASE, "engine", actors=gpus)
    config = with_group(config, "sft", workers=gpus)
    config = with_group(config, "grpo", nodes=nodes, ranks_per_node=ranks)
    limits = {"retries": retries, "hours": hours, "keep_minutes": keep, "storage_gib_per_second": speed}
    found = job(with_group(config, "deploy", kind=kind, **limits), ["experiment=paper/countdown_7b"])
    assert found.total_gpus == gpus
    assert [fault for manifest in manifests(found) for fault in faults(manifest, found)] == []
