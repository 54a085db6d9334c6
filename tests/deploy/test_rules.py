"""A good manifest passes; each way to spoil it is refused at the field that was spoilt."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from sfray.deploy.kuberay import PRIORITY, QUEUE, check, manifests, ray_cluster, ray_job
from sfray.deploy.rules import faults
from tests.deploy.presets import PRESETS, preset

GOOD = preset("7B on 8 GPUs", "deploy.queue=gpu-queue", "deploy.priority=high", "deploy.service_account=trainer")
REMOVED = ...

HEAD = "spec.rayClusterSpec.headGroupSpec"
WORKER = "spec.rayClusterSpec.workerGroupSpecs[0]"
POD = f"{WORKER}.template.spec"
BOX = f"{POD}.containers[0]"

# Field, what is put there, and where the refusal points if not at the field itself.
MUTANTS: list[tuple[str, Any, str | None]] = [
    # Names
    ("metadata.name", "sfray_countdown", None),
    ("metadata.name", "7b-countdown", None),
    ("metadata.name", "a" * 48, None),
    ("metadata.namespace", "Team_A", None),
    (f"metadata.labels.{QUEUE}", "-queue-", None),
    (f"metadata.labels.{QUEUE}", "LOCAL_QUEUE", None),
    (f"metadata.labels.{QUEUE}", REMOVED, f"metadata.labels.{PRIORITY}"),
    ("kind", "RayJobs", None),
    ("apiVersion", "ray.io/v1alpha1", None),
    # Fields that do not exist, and values of the wrong type
    ("spec.entrypont", "python", None),
    ("spec.backoffLimit", "3", None),
    (f"{WORKER}.replicas", "2", None),
    (f"{WORKER}.groupName", REMOVED, None),
    (f"{HEAD}.rayStartParams.num-cpus", 0, None),
    (f"{BOX}.resources.limits.memory", "64 GB", None),
    (f"{BOX}.imagePullPolice", "Always", None),
    ("spec.rayClusterSpec.authOptions.mode", "password", None),
    # Placeholders
    (f"{BOX}.image", "REGISTRY/sfray:0.1.0", None),
    (f"{BOX}.image", "registry.example.com/sfray:0.1.0", None),
    (f"{BOX}.image", "<registry>/sfray:0.1.0", None),
    ("spec.runtimeEnvYAML", "working_dir: https://github.com/ORGANISATION/sfray/archive/v1.zip", None),
    (f"{POD}.volumes[0].persistentVolumeClaim.claimName", "CLAIM", None),
    # The image
    (f"{BOX}.image", "sfray", None),
    (f"{BOX}.image", "sfray:latest", None),
    (f"{BOX}.image", "", None),
    # The job's life
    ("spec.shutdownAfterJobFinishes", False, None),
    ("spec.shutdownAfterJobFinishes", REMOVED, None),
    ("spec.activeDeadlineSeconds", 0, None),
    ("spec.preRunningDeadlineSeconds", REMOVED, None),
    ("spec.preRunningDeadlineSeconds", 10**7, None),
    ("spec.backoffLimit", -1, None),
    ("spec.ttlSecondsAfterFinished", -5, None),
    # How it is submitted
    ("spec.submissionMode", "K8sJobMode", None),
    ("spec.submissionMode", "InteractiveMode", None),
    ("spec.submissionMode", REMOVED, None),
    ("spec.clusterSelector", {"ray.io/cluster": "other"}, None),
    ("spec.entrypoint", " ", None),
    ("spec.entrypointNumGpus", 1, None),
    ("spec.runtimeEnvYAML", "working_dir: [", None),
    ("spec.runtimeEnvYAML", "working_dir: /shared/sfray", None),
    ("spec.runtimeEnvYAML", "- env_vars", None),
    # The cluster
    ("spec.rayClusterSpec.rayVersion", "2.59.0", None),
    ("spec.rayClusterSpec.authOptions", REMOVED, "spec.rayClusterSpec.authOptions.mode"),
    ("spec.rayClusterSpec.authOptions.mode", "disabled", None),
    ("spec.rayClusterSpec.authOptions.enableK8sTokenAuth", True, None),
    ("spec.rayClusterSpec.enableInTreeAutoscaling", True, None),
    ("spec.rayClusterSpec.upgradeStrategy", {"type": "Recreate"}, None),
    ("spec.rayClusterSpec.workerGroupSpecs", [], None),
    (f"{HEAD}.rayStartParams.num-cpus", REMOVED, None),
    (f"{HEAD}.rayStartParams.num-gpus", "1", None),
    (f"{WORKER}.rayStartParams.num-cpus", "64", None),
    (f"{WORKER}.rayStartParams.labels", "a=b", None),
    (f"{WORKER}.resources", {"GPU": "4"}, None),
    (f"{WORKER}.groupName", "GPU_Nodes", None),
    (f"{WORKER}.minReplicas", 0, None),
    (f"{WORKER}.maxReplicas", 4, None),
    (f"{WORKER}.numOfHosts", 2, None),
    # What Kubernetes refuses only when the pod is made
    (f"{POD}.containers", [], None),
    (f"{BOX}.name", "Ray_Worker", None),
    (f"{BOX}.env[0].name", "1ST", None),
    (f"{BOX}.env[1].name", "RAY_TRAIN_V2_ENABLED", f"{BOX}.env[0].name"),
    (f"{BOX}.env[0].name", "RAY_ADDRESS", None),
    (f"{BOX}.env[0]", {"name": "HF_TOKEN", "value": "hf_abc"}, f"{BOX}.env[0].value"),
    (f"{BOX}.volumeMounts[0].name", "run", None),
    (f"{BOX}.volumeMounts[2].mountPath", "scratch", None),
    (f"{BOX}.volumeMounts[2].mountPath", "/dev/shm/", f"{BOX}.volumeMounts[1].mountPath"),
    (f"{POD}.volumes[2].name", "shm", f"{POD}.volumes[1].name"),
    (f"{POD}.tolerations[0].effect", "NoScheduling", None),
    (f"{POD}.tolerations[0].operator", "Is", None),
    (f"{POD}.tolerations[0].value", "present", None),
    (f"{POD}.serviceAccountName", "Trainer!", None),
    (f"{BOX}.resources.requests.memory", "999Gi", None),
    (f"{BOX}.resources.requests.nvidia.com/gpu", "2", None),
    (f"{BOX}.resources.limits.nvidia.com/gpu", REMOVED, None),
    # Storage
    (f"{POD}.securityContext.fsGroup", 1000, None),
    (f"{BOX}.volumeMounts[0].mountPath", "/data", f"{BOX}.volumeMounts"),
    # Sums
    (f"{WORKER}.replicas", 4, f"{WORKER}.minReplicas"),
    (f"{BOX}.resources.limits.memory", "64Gi", f"{BOX}.resources.requests.memory"),
    (
        f"{BOX}.resources",
        {"requests": {"memory": "64Gi"}, "limits": {"memory": "64Gi"}},
        f"{BOX}.resources.limits.memory",
    ),
    (f"{BOX}.resources.limits.memory", REMOVED, None),
    (f"{BOX}.resources.requests.memory", "64Gi", None),
    (f"{BOX}.resources.requests.cpu", "8", None),
    (f"{WORKER}.rayStartParams.object-store-memory", REMOVED, None),
    (f"{WORKER}.rayStartParams.object-store-memory", str(60 << 30), None),
    (f"{POD}.volumes[1].emptyDir", {"medium": "Memory"}, f"{POD}.volumes[1].emptyDir.sizeLimit"),
    (f"{POD}.volumes[1].emptyDir.medium", REMOVED, None),
    (f"{POD}.volumes[1].emptyDir.sizeLimit", "8Gi", f"{WORKER}.rayStartParams.object-store-memory"),
    (f"{POD}.volumes[1].emptyDir.sizeLimit", "500Gi", f"{BOX}.resources.limits.memory"),
    (f"{POD}.volumes[2].emptyDir.sizeLimit", "20Gi", None),
    (f"{BOX}.resources.requests.ephemeral-storage", "20Gi", None),
    (f"{BOX}.env[4].value", "/tmp", f"{BOX}.env"),
    (f"{POD}.terminationGracePeriodSeconds", 30, None),
    (f"{POD}.terminationGracePeriodSeconds", REMOVED, None),
    (
        f"{HEAD}.template.spec.containers[0].resources.limits.memory",
        "2Ti",
        f"{HEAD}.template.spec.containers[0].resources.requests.memory",
    ),
]


def steps(path: str) -> list[str | int]:
    """A path's keys and places; what follows ``limits`` or ``requests`` or ``labels`` is one name."""
    found: list[str | int] = []
    mark = next((mark for mark in (".limits.", ".requests.", ".labels.") if mark in path), None)
    way, _, name = path.partition(mark) if mark else (path, "", "")
    for part in (way + (mark or "").rstrip(".")).split("."):
        text, *places = re.split(r"[\[\]]+", part.rstrip("]"))
        found += [text, *map(int, places)]
    return [*found, name] if name else found


def spoilt(manifest: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of a manifest with one field changed."""
    copied = copy.deepcopy(manifest)
    *way, last = steps(path)
    at: Any = copied
    for step in way:
        at = at[step]
    if value is REMOVED:
        del at[last]
    else:
        at[last] = value
    return copied


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("kind", ["RayJob", "RayCluster"])
def test_what_is_rendered_breaks_no_rule(name: str, kind: str) -> None:
    job = preset(name, f"deploy.kind={kind}")
    for manifest in manifests(job):
        assert faults(manifest, job) == []


@pytest.mark.parametrize(("path", "value", "at"), MUTANTS, ids=lambda x: str(x)[-60:])
def test_a_spoilt_manifest_is_refused_at_its_field(path: str, value: object, at: str | None) -> None:
    found = faults(spoilt(ray_job(GOOD), path, value), GOOD)
    assert (at or path) in [fault.path for fault in found]


def test_there_are_many_mutants_and_each_is_another() -> None:
    assert len(MUTANTS) >= 40
    assert len({(path, repr(value)) for path, value, _ in MUTANTS}) == len(MUTANTS)


def test_gpus_that_no_stage_uses_are_refused_with_the_numbers() -> None:
    held = spoilt(ray_job(GOOD), f"{WORKER}.replicas", 4)
    for name in ("minReplicas", "maxReplicas"):
        held = spoilt(held, f"{WORKER}.{name}", 4)
    assert [str(fault) for fault in faults(held, GOOD)] == [
        f"{WORKER}.replicas: 4 x 4 GPUs, 16 in all, but no stage uses more than 8 "
        "(attempts 8, reflections 8, traces 0, sft 8, eval_sft 8, grpo 8, eval_base 8, eval_grpo 8)"
    ]


def test_too_few_gpus_are_refused_with_the_numbers() -> None:
    few = ray_job(GOOD)
    for name in ("replicas", "minReplicas", "maxReplicas"):
        few = spoilt(few, f"{WORKER}.{name}", 1)
    (fault,) = faults(few, GOOD)
    assert fault.path == f"{WORKER}.replicas"
    assert fault.problem.startswith("4 GPUs in all, but a stage uses 8 (attempts 8, ")


def test_two_groups_count_together() -> None:
    doubled = ray_job(GOOD)
    workers = doubled["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    workers.append({**copy.deepcopy(workers[0]), "groupName": "more"})
    assert [fault.path for fault in faults(doubled, GOOD)] == ["spec.rayClusterSpec.workerGroupSpecs[1].replicas"]
    workers[1]["groupName"] = "gpu"
    assert {fault.path for fault in faults(doubled, GOOD)} == {
        f"spec.rayClusterSpec.workerGroupSpecs[{i}].groupName" for i in (0, 1)
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.template.spec.restartPolicy", "OnFailure"),
        ("spec.activeDeadlineSeconds", REMOVED),
        ("spec.podFailurePolicy.rules", []),
        ("spec.podFailurePolicy.rules[0].action", "Fail"),
        ("spec.template.spec.containers[0].image", "REGISTRY/sfray:0.1.0"),
        ("spec.parallelism", 4),
    ],
)
def test_a_spoilt_check_is_refused(path: str, value: object) -> None:
    assert path in [fault.path for fault in faults(spoilt(check(GOOD), path, value), GOOD)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "a" * 54),
        ("spec.rayVersion", ""),
        ("spec.suspend", True),
        ("spec.workerGroupSpecs[0].template.spec.containers[0].image", "sfray"),
    ],
)
def test_a_spoilt_standing_cluster_is_refused(path: str, value: object) -> None:
    assert faults(ray_cluster(GOOD), GOOD) == []
    assert path in [fault.path for fault in faults(spoilt(ray_cluster(GOOD), path, value), GOOD)]


def test_a_job_without_a_cluster_is_refused() -> None:
    bare = spoilt(ray_job(GOOD), "spec.rayClusterSpec", REMOVED)
    assert [str(fault) for fault in faults(bare, GOOD)] == ["spec.rayClusterSpec: must be given"]
