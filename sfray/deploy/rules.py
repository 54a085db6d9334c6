"""The rules of the operator (KubeRay's ``validation.go`` and ``pod.go``) and of sfray, each with its reason.

A manifest that breaks one is refused here, before anything is sent; Kubernetes and the operator accept many of them
and end in a pod that never starts, or in a cluster that costs without working.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from sfray.deploy.fault import Fault, joined
from sfray.deploy.job import RAY_VERSION, Job, below
from sfray.deploy.kuberay import IMAGE_USER, PRIORITY, QUEUE
from sfray.deploy.pods import DNS_LABEL, LABEL_VALUE, cluster_of, pod_faults, pods
from sfray.deploy.schema import schema_faults
from sfray.deploy.sums import sum_faults
from sfray.errors import REFUSED

Manifest = Mapping[str, Any]

LONGEST_NAME = {"RayJob": 47, "RayCluster": 53, "Job": 63}
"""Pods' names are longer than their cluster's, and a cluster's than its job's."""

_DNS_1035 = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")

_PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_-]{3,}(?![A-Za-z0-9_])|<[^<>]+>|\?{3}|changeme|(?<![\w-])example\.(?:com|org|net)"
)
_SPELT_OUT = (
    "image",
    "claimName",
    "secretName",
    "serviceAccountName",
    "working_dir",
    "runtimeEnvYAML",
    QUEUE,
    PRIORITY,
)
"""Fields that people fill in, and forget to."""


def faults(manifest: Manifest, job: Job) -> list[Fault]:
    """Everything that is wrong with a manifest of a job; the schema's objections alone, if it has any."""
    if wrong := list(schema_faults(manifest)):
        return wrong
    found = [*metadata(manifest), *placeholders(manifest), *each_pod(manifest, job)]
    if manifest["kind"] == "RayJob":
        found += [*life(manifest["spec"]), *submission(manifest["spec"], job)]
    if manifest["kind"] == "Job":
        found += check_job(manifest["spec"])
    else:
        at, spec = cluster_of(manifest)
        if spec is not None:
            found += [*cluster(spec, at), *groups(spec, at)]
            if not found:  # sums of things that are not there do not help
                found += sum_faults(manifest, job)
    return found


def metadata(manifest: Manifest) -> Iterator[Fault]:
    """Services and pods are named after the job, so its name must be a DNS label with room for more."""
    name, most = manifest["metadata"]["name"], LONGEST_NAME[manifest["kind"]]
    if not _DNS_1035.fullmatch(name):
        yield Fault("metadata.name", f"{name!r} must be lower-case letters, digits and hyphens, a letter first")
    elif len(name) > most:
        yield Fault("metadata.name", f"{name!r} has {len(name)} characters, {most} is the most; give deploy.name")
    namespace = manifest["metadata"].get("namespace", "default")
    if not DNS_LABEL.fullmatch(namespace):
        yield Fault("metadata.namespace", f"{namespace!r} must be lower-case letters, digits and hyphens")
    labels = manifest["metadata"].get("labels", {})
    for label, value in labels.items():
        if not LABEL_VALUE.fullmatch(value):
            yield Fault(f"metadata.labels.{label}", f"{value!r} is no value of a label")
    if PRIORITY in labels and not labels.get(QUEUE):
        yield Fault(f"metadata.labels.{PRIORITY}", f"has no effect without {QUEUE}")


def placeholders(value: object, path: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Names in capitals, or of example.com, pass every check and end in a pod that never starts."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from placeholders(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from placeholders(inner, (*path, i))
    elif isinstance(value, str) and path and path[-1] in _SPELT_OUT and (found := _PLACEHOLDER.search(value)):
        yield Fault(joined(path), f"{found[0]!r} in {value.strip()!r} is a placeholder; put the real name in its place")


def each_pod(manifest: Manifest, job: Job) -> Iterator[Fault]:
    """Every pod by itself, and the storage that all of them share."""
    deploy = job.config.deploy
    for pod in pods(manifest):
        yield from pod_faults(pod)
        if not pod.spec.get("containers"):
            continue
        shared = pod.volume_at(deploy.mount)
        if shared is None or "persistentVolumeClaim" not in shared:
            at = f"{pod.path}.containers[0].volumeMounts"
            yield Fault(at, f"no volume claim at {deploy.mount}: what this pod writes there goes with it")
        if pod.spec.get("securityContext", {}).get("fsGroup") != IMAGE_USER:
            at = f"{pod.path}.securityContext.fsGroup"
            yield Fault(at, f"must be {IMAGE_USER}, the image's user: a fresh volume may be writable by root alone")


def life(spec: Manifest) -> Iterator[Fault]:
    """A job that is over gives its nodes back, every wait has an end, and a retry needs storage, which it has."""
    if spec.get("shutdownAfterJobFinishes") is not True:
        yield Fault("spec.shutdownAfterJobFinishes", "must be true: GPUs go on costing when the run is over")
    for name in ("activeDeadlineSeconds", "preRunningDeadlineSeconds"):
        if spec.get(name, 0) <= 0:
            yield Fault(f"spec.{name}", "must be given, above 0: without it the operator waits for ever")
    if 0 < spec.get("activeDeadlineSeconds", 0) <= spec.get("preRunningDeadlineSeconds", 0):
        yield Fault("spec.preRunningDeadlineSeconds", "leaves no time to run within activeDeadlineSeconds")
    for name in ("backoffLimit", "ttlSecondsAfterFinished"):
        if spec.get(name, 0) < 0:
            yield Fault(f"spec.{name}", f"{spec[name]} must be 0 or more")
    if spec.get("deletionStrategy") is not None:
        yield Fault("spec.deletionStrategy", "cannot be used with shutdownAfterJobFinishes")


def submission(spec: Manifest, job: Job) -> Iterator[Fault]:
    """The job is asked after over HTTP, has a cluster of its own, and is a command that resumes."""
    if (mode := spec.get("submissionMode", "K8sJobMode")) != "HTTPMode":
        yield Fault("spec.submissionMode", f"{mode} ends a healthy job when its stream of logs drops; use HTTPMode")
    if spec.get("clusterSelector"):
        yield Fault("spec.clusterSelector", "a job with a cluster of its own selects none, and could not be retried")
    if spec.get("rayClusterSpec") is None:
        yield Fault("spec.rayClusterSpec", "must be given")
    if spec.get("suspend") and not spec.get("shutdownAfterJobFinishes"):
        yield Fault("spec.suspend", "cannot be used without shutdownAfterJobFinishes")
    for name in ("entrypointNumCpus", "entrypointNumGpus", "entrypointResources"):
        if spec.get(name):
            yield Fault(f"spec.{name}", "the driver belongs on the head, which has nothing to reserve")
    if not spec.get("entrypoint", "").strip():
        yield Fault("spec.entrypoint", "must be given")
    if not below(job.config.run.dir, job.config.deploy.mount):
        yield Fault("spec.entrypoint", f"run.dir = {job.config.run.dir} is not below {job.config.deploy.mount}")
    yield from _runtime_env(spec.get("runtimeEnvYAML", ""))


def _runtime_env(text: str) -> Iterator[Fault]:
    """The operator reads it only when the cluster is up."""
    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        yield Fault("spec.runtimeEnvYAML", f"is no YAML: {' '.join(str(error).split())}")
        return
    if not isinstance(content, Mapping):
        yield Fault("spec.runtimeEnvYAML", "must hold keys and values")
        return
    folder = content.get("working_dir")
    if folder is not None and "://" not in str(folder):
        yield Fault("spec.runtimeEnvYAML", f"working_dir: {folder!r} must be an address: no pod uploads a folder")


def cluster(spec: Manifest, at: str) -> Iterator[Fault]:
    """One version of Ray for all, a token, and no scaling while verl counts GPUs once, at its start."""
    if (version := spec.get("rayVersion", "")) != RAY_VERSION:
        yield Fault(f"{at}.rayVersion", f"{version!r} is not the image's, {RAY_VERSION}")
    auth = spec.get("authOptions", {})
    if auth.get("mode") != "token":
        yield Fault(f"{at}.authOptions.mode", "must be token: the head runs what anybody sends who reaches it")
    if auth.get("enableK8sTokenAuth"):
        yield Fault(f"{at}.authOptions.enableK8sTokenAuth", "the operator does not support it for jobs")
    for name, why in _NOT_USED.items():
        if spec.get(name):
            yield Fault(f"{at}.{name}", why)


_NOT_USED = {
    "enableInTreeAutoscaling": "verl counts GPUs once, at its start, and does not wait for more",
    "upgradeStrategy": "the operator allows it on a cluster of its own only",
    "suspend": "a suspended cluster makes no pods",
    "networkPolicy": "needs a feature gate of the operator that is off by default",
    "tlsOptions": "needs a feature gate of the operator that is off by default",
    "historyServerOptions": "needs a feature gate of the operator that is off by default",
    "gcsFaultToleranceOptions": "needs Redis; a head that is lost ends the cluster, and a retry resumes the run",
}


def groups(spec: Manifest, at: str) -> Iterator[Fault]:
    """Nothing is placed on the head; groups of workers are of a fixed size, each with a name of its own."""
    head = spec["headGroupSpec"].get("rayStartParams", {})
    if head.get("num-cpus") != "0":
        where = f"{at}.headGroupSpec.rayStartParams.num-cpus"
        yield Fault(where, "must be '0': a stage on the head takes the whole cluster down with it")
    yield from _start_params(spec["headGroupSpec"], f"{at}.headGroupSpec", is_head=True)
    workers = spec.get("workerGroupSpecs", [])
    if not workers:
        yield Fault(f"{at}.workerGroupSpecs", "there is no node to work on")
    names = Counter(group["groupName"] for group in workers)
    for i, group in enumerate(workers):
        path, name = f"{at}.workerGroupSpecs[{i}]", group["groupName"]
        if not DNS_LABEL.fullmatch(name):
            yield Fault(f"{path}.groupName", f"{name!r} must be lower-case letters, digits and hyphens")
        elif names[name] > 1:
            yield Fault(f"{path}.groupName", f"{name!r} is given {names[name]} times")
        yield from _replicas(group, path)
        yield from _start_params(group, path, is_head=False)


def _replicas(group: Manifest, path: str) -> Iterator[Fault]:
    replicas, least, most = group.get("replicas", 0), group["minReplicas"], group["maxReplicas"]
    if replicas < 1:
        yield Fault(f"{path}.replicas", f"{replicas} nodes")
    if least != replicas:
        yield Fault(f"{path}.minReplicas", f"{least} is not replicas = {replicas}; nothing scales the cluster")
    if most != replicas:
        yield Fault(f"{path}.maxReplicas", f"{most} is not replicas = {replicas}; nothing scales the cluster")
    if group.get("numOfHosts", 1) != 1:
        yield Fault(f"{path}.numOfHosts", "multiplies the nodes of a replica; raise replicas instead")
    for name in ("suspend", "idleTimeoutSeconds", "priority"):
        if group.get(name):
            yield Fault(f"{path}.{name}", "is for clusters that scale")


def _start_params(group: Manifest, path: str, is_head: bool) -> Iterator[Fault]:
    """What is not said twice cannot differ: CPUs, GPUs and memory come from the container's resources."""
    params = group.get("rayStartParams", {})
    for name in ("labels", "redis-username", "redis-password", "address", "block", "resources"):
        if name in params:
            yield Fault(f"{path}.rayStartParams.{name}", "is the operator's to set")
    for name in ("num-gpus", "memory", *(() if is_head else ("num-cpus",))):
        if name in params:
            yield Fault(f"{path}.rayStartParams.{name}", "follows from the container's resources")
    if group.get("resources"):
        yield Fault(f"{path}.resources", "follow from the container's resources")


def check_job(spec: Manifest) -> Iterator[Fault]:
    """The check ends: it is not repeated by its pod, not for a refused config, and not for ever."""
    if spec["template"].get("spec", {}).get("restartPolicy") != "Never":
        yield Fault("spec.template.spec.restartPolicy", "must be Never, or exit codes are not looked at")
    if spec.get("activeDeadlineSeconds", 0) <= 0:
        yield Fault("spec.activeDeadlineSeconds", "must be given, above 0: an image may never come")
    rules = spec.get("podFailurePolicy", {}).get("rules", [])
    ending = [r for r in rules if r["action"] == "FailJob" and REFUSED in r.get("onExitCodes", {}).get("values", [])]
    if not ending:
        yield Fault("spec.podFailurePolicy.rules", f"exit status {REFUSED}, a refused config, must end the job")
