"""A job as manifests for Kubernetes and the KubeRay operator, as plain containers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import yaml

from sfray.deploy.job import CHECK, DRIVER, ENVIRONMENT, RAY_VERSION, Job
from sfray.deploy.needs import GIB
from sfray.deploy.shape import Node
from sfray.errors import REFUSED

Manifest = dict[str, Any]

IMAGE_USER = 1001
"""Of cluster/Dockerfile."""

SCRATCH = "/scratch"
"""Local disk of a pod."""

HUB = "huggingface"
"""Folder on the shared storage where models and data sets are downloaded once, for all nodes."""

QUEUE = "kueue.x-k8s.io/queue-name"
"""Label that names the Kueue queue of a job."""

PRIORITY = "kueue.x-k8s.io/priority-class"
"""Label that names the Kueue priority class of a job."""

_RAY_SECONDS = 30
"""That Ray itself takes to end on a node."""

_GPU_GROUP, _CPU_GROUP = "gpu", "cpu"


def manifests(job: Job) -> list[Manifest]:
    """The job's manifests, in the order in which they are applied.

    The check comes first where it can, so that a config that is refused makes no pod with GPUs.
    """
    if job.config.deploy.kind == "RayCluster":
        return [ray_cluster(job)]
    return [*([check(job)] if can_check(job) else []), ray_job(job)]


def can_check(job: Job) -> bool:
    """Whether a pod can check the config by itself: it finds the code in a folder. An archive only Ray unpacks."""
    return job.code_folder is not None


def ray_job(job: Job) -> Manifest:
    """One run as one job: its cluster comes, works, and goes."""
    limits = job.limits
    spec: Manifest = {
        "entrypoint": shlex.join([*DRIVER, *job.overrides]),
        # The job's state is asked for over HTTP: a stream of logs that drops does not end a healthy run.
        "submissionMode": "HTTPMode",
        # Without it GPUs go on costing when the run is over.
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": limits.keep,
        # Each retry is a new cluster; the run resumes from shared storage.
        "backoffLimit": limits.retries,
        "activeDeadlineSeconds": limits.run.seconds,
        "preRunningDeadlineSeconds": limits.start,
    }
    if job.code_archive is not None:
        spec["runtimeEnvYAML"] = yaml.safe_dump({"working_dir": job.code_archive})
    return _resource(job, "RayJob", {**spec, "rayClusterSpec": cluster_spec(job)})


def ray_cluster(job: Job) -> Manifest:
    """A standing cluster of the same shape, to submit jobs to."""
    return _resource(job, "RayCluster", cluster_spec(job))


def check(job: Job) -> Manifest:
    """``sfray check`` on one CPU, with the storage and the code that the run will see."""
    node = Node(0, 1, 4, 0, 0, 0, 4, 0)
    pod = _pod(job, "check", node)
    pod["containers"][0]["command"] = [*CHECK, *job.overrides]
    pod["restartPolicy"] = "Never"
    spec = {
        "backoffLimit": job.limits.retries,
        "activeDeadlineSeconds": job.limits.start,
        "ttlSecondsAfterFinished": max(job.limits.keep, 600),
        # A refused config stays refused; anything else, a node that goes away say, is tried again.
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": "check", "operator": "In", "values": [REFUSED]},
                }
            ]
        },
        "template": {"spec": pod},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(job, f"{job.name}-check"), "spec": spec}


def cluster_spec(job: Job) -> Manifest:
    """Head and workers."""
    shape, deploy = job.shape, job.config.deploy
    auth = {"secretName": deploy.auth_secret} if deploy.auth_secret else {}
    head = {
        "rayStartParams": {
            # Nothing is placed on the head, so that no stage can take the cluster down with it.
            "num-cpus": "0",
            "object-store-memory": str(shape.head.object_store * GIB),
        },
        "template": {"spec": _pod(job, "ray-head", shape.head)},
    }
    workers = {
        "groupName": _GPU_GROUP if shape.worker.gpus else _CPU_GROUP,
        "replicas": shape.workers,
        "minReplicas": shape.workers,
        "maxReplicas": shape.workers,
        # Ray's own choice would be nearly all of /dev/shm.
        "rayStartParams": {"object-store-memory": str(shape.worker.object_store * GIB)},
        "template": {"spec": _pod(job, "ray-worker", shape.worker)},
    }
    return {
        "rayVersion": RAY_VERSION,
        # Without a token the head runs whatever anybody sends who reaches it.
        "authOptions": {"mode": "token", **auth},
        "headGroupSpec": head,
        "workerGroupSpecs": [workers],
    }


def to_yaml(documents: Sequence[Manifest], header: Sequence[str] = ()) -> str:
    """Manifests as YAML, below a header of comments."""
    comment = "".join(f"# {line}\n" for line in header)
    return comment + "---\n".join(yaml.safe_dump(d, sort_keys=False, width=120) for d in documents)


def _resource(job: Job, kind: str, spec: Manifest) -> Manifest:
    return {"apiVersion": "ray.io/v1", "kind": kind, "metadata": _metadata(job, job.name), "spec": spec}


def _metadata(job: Job, name: str) -> Manifest:
    deploy = job.config.deploy
    labels = {label: value for label, value in ((QUEUE, deploy.queue), (PRIORITY, deploy.priority)) if value}
    namespace = {"namespace": deploy.namespace} if deploy.namespace else {}
    return {"name": name, **namespace, **({"labels": labels} if labels else {})}


def _pod(job: Job, name: str, node: Node) -> Manifest:
    deploy = job.config.deploy
    pod: Manifest = {
        # The image's user; without it a fresh volume may be writable by root alone. A large volume is left as it is.
        "securityContext": {"fsGroup": IMAGE_USER, "fsGroupChangePolicy": "OnRootMismatch"},
        # Ray ends its job within `grace`; what is left is for Ray itself.
        "terminationGracePeriodSeconds": job.limits.grace + _RAY_SECONDS,
    }
    if deploy.service_account:
        pod["serviceAccountName"] = deploy.service_account
    if deploy.pull_secrets:
        pod["imagePullSecrets"] = [{"name": secret} for secret in deploy.pull_secrets]
    if node.gpus:
        if deploy.node_selector:
            pod["nodeSelector"] = dict(deploy.node_selector)
        if job.tolerations:
            pod["tolerations"] = [_toleration(t.key, t.value, t.effect) for t in job.tolerations]
    return {**pod, "containers": [_container(job, name, node)], "volumes": _volumes(job, node)}


def _container(job: Job, name: str, node: Node) -> Manifest:
    requests: Manifest = {"cpu": str(node.cpus), "memory": f"{node.memory}Gi"}
    limits: Manifest = {"memory": f"{node.memory}Gi"}
    if node.scratch:
        requests["ephemeral-storage"] = f"{node.scratch}Gi"
    if node.gpus:
        requests[job.config.deploy.gpu_resource] = limits[job.config.deploy.gpu_resource] = str(node.gpus)
    return {
        "name": name,
        "image": job.image,
        "env": _environment(job, node),
        "resources": {"requests": requests, "limits": limits},
        "volumeMounts": [
            {"name": "runs", "mountPath": job.config.deploy.mount},
            *([{"name": "shm", "mountPath": "/dev/shm"}] if node.shm else []),
            *([{"name": "scratch", "mountPath": SCRATCH}] if node.scratch else []),
        ],
    }


def _environment(job: Job, node: Node) -> list[Manifest]:
    deploy = job.config.deploy
    values = {**ENVIRONMENT, "HF_HOME": f"{deploy.mount.rstrip('/')}/{HUB}"}
    if job.code_folder is not None:
        values["PYTHONPATH"] = job.code_folder
    if node.scratch:
        values["TMPDIR"] = SCRATCH
        # Between the signal that ends a job and the one that kills it; Ray's own is 3 seconds.
        values["RAY_JOB_STOP_WAIT_TIME_S"] = str(job.limits.grace)
    variables: list[Manifest] = [{"name": name, "value": value} for name, value in values.items()]
    if deploy.hub_secret:
        reference = {"name": deploy.hub_secret, "key": "token", "optional": True}
        variables.append({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}})
    return variables


def _volumes(job: Job, node: Node) -> list[Manifest]:
    volumes: list[Manifest] = [{"name": "runs", "persistentVolumeClaim": {"claimName": job.config.deploy.claim}}]
    if node.shm:
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{node.shm}Gi"}})
    if node.scratch:
        volumes.append({"name": "scratch", "emptyDir": {"sizeLimit": f"{node.scratch}Gi"}})
    return volumes


def _toleration(key: str, value: str | None, effect: str) -> Manifest:
    matching = {"operator": "Exists"} if value is None else {"operator": "Equal", "value": value}
    return {"key": key, **matching, "effect": effect}
