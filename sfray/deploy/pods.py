"""Rules for each pod of a manifest: what Kubernetes refuses only when the pod is made.

The schema of KubeRay lets all of it pass: the operator then asks for the pod in vain, again and again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfray.deploy.fault import Fault
from sfray.deploy.quantity import quantity

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, as Kubernetes wants it for containers, volumes and namespaces."""

DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""For secrets, claims and accounts."""

LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")

_IMAGE = re.compile(
    r"(?:[a-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::(?P<tag>[\w][\w.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

MANAGED = frozenset(
    {
        "RAY_ADDRESS",
        "RAY_AUTH_MODE",
        "RAY_AUTH_TOKEN",
        "RAY_CLUSTER_NAME",
        "RAY_CLUSTER_NAMESPACE",
        "RAY_IP",
        "RAY_PORT",
        "RAY_REDIS_ADDRESS",
        "FQ_RAY_IP",
        "KUBERAY_GEN_RAY_START_CMD",
    }
)
"""Variables that the operator sets itself; another value would lead a node astray."""


@dataclass(frozen=True)
class Pod:
    """One pod template of a manifest.

    Attributes:
        path: Of the pod's spec.
        spec: The pod's spec.
        group: Head or worker group that it belongs to; None for the check.
        group_path: Of that group.
        is_head: Whether it is the head.
    """

    path: str
    spec: Mapping[str, Any]
    group: Mapping[str, Any] | None
    group_path: str
    is_head: bool

    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Path and content of each container."""
        for i, container in enumerate(self.spec.get("containers", [])):
            yield f"{self.path}.containers[{i}]", container

    def volumes(self) -> Mapping[str, Mapping[str, Any]]:
        """The volumes by name."""
        return {volume["name"]: volume for volume in self.spec.get("volumes", [])}

    def volume_at(self, mount: str) -> Mapping[str, Any] | None:
        """The volume that the first container mounts there."""
        mounts = self.spec["containers"][0].get("volumeMounts", []) if self.spec.get("containers") else []
        names = [m["name"] for m in mounts if m["mountPath"].rstrip("/") == mount.rstrip("/")]
        return self.volumes().get(names[0]) if names else None

    def volume_path(self, name: str) -> str:
        """The path of a volume by its name."""
        at = [volume["name"] for volume in self.spec.get("volumes", [])].index(name)
        return f"{self.path}.volumes[{at}]"


def cluster_of(manifest: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """Path and content of the cluster that a manifest describes."""
    spec = manifest["spec"]
    return ("spec.rayClusterSpec", spec.get("rayClusterSpec")) if manifest["kind"] == "RayJob" else ("spec", spec)


def pods(manifest: Mapping[str, Any]) -> Iterator[Pod]:
    """Every pod template of a manifest."""
    spec = manifest["spec"]
    if manifest["kind"] == "Job":
        yield Pod("spec.template.spec", spec["template"].get("spec", {}), None, "spec", False)
        return
    at, cluster = (
        ("spec.rayClusterSpec", spec.get("rayClusterSpec")) if manifest["kind"] == "RayJob" else ("spec", spec)
    )
    if cluster is None:
        return
    head = cluster["headGroupSpec"]
    path = f"{at}.headGroupSpec"
    yield Pod(f"{path}.template.spec", head["template"].get("spec", {}), head, path, True)
    for i, group in enumerate(cluster.get("workerGroupSpecs", [])):
        path = f"{at}.workerGroupSpecs[{i}]"
        yield Pod(f"{path}.template.spec", group["template"].get("spec", {}), group, path, False)


def pod_faults(pod: Pod) -> Iterator[Fault]:
    """Yields what is wrong with one pod by itself."""
    if not pod.spec.get("containers"):
        yield Fault(f"{pod.path}.containers", "at least one container is needed")
    yield from _names(f"{pod.path}.containers", pod.spec.get("containers", []), DNS_LABEL)
    yield from _names(f"{pod.path}.volumes", pod.spec.get("volumes", []), DNS_LABEL)
    yield from _named_things(pod)
    yield from _tolerations(pod)
    for path, container in pod.containers():
        yield from _image(path, container)
        yield from _variables(path, container)
        yield from _mounts(pod, path, container)
        yield from _resources(path, container)


def _names(path: str, items: Sequence[Mapping[str, Any]], shape: re.Pattern[str]) -> Iterator[Fault]:
    """Names are DNS labels, and no two alike."""
    counts = Counter(item["name"] for item in items)
    for i, item in enumerate(items):
        name = item["name"]
        if not shape.fullmatch(name):
            yield Fault(f"{path}[{i}].name", f"{name!r} must be lower-case letters, digits and hyphens, at most 63")
        elif counts[name] > 1:
            yield Fault(f"{path}[{i}].name", f"{name!r} is given {counts[name]} times")


def _named_things(pod: Pod) -> Iterator[Fault]:
    """Claims, secrets and accounts have names that Kubernetes can have given them."""
    named = [(f"{pod.path}.serviceAccountName", pod.spec.get("serviceAccountName"))]
    for i, secret in enumerate(pod.spec.get("imagePullSecrets", [])):
        named.append((f"{pod.path}.imagePullSecrets[{i}].name", secret.get("name", "")))
    for i, volume in enumerate(pod.spec.get("volumes", [])):
        claim = volume.get("persistentVolumeClaim")
        if claim is not None:
            named.append((f"{pod.path}.volumes[{i}].persistentVolumeClaim.claimName", claim["claimName"]))
    for path, container in pod.containers():
        for i, variable in enumerate(container.get("env", [])):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference is not None:
                named.append((f"{path}.env[{i}].valueFrom.secretKeyRef.name", reference.get("name", "")))
    for at, name in named:
        if name is not None and not DNS_SUBDOMAIN.fullmatch(name):
            yield Fault(at, f"{name!r} is no name that Kubernetes allows")


def _tolerations(pod: Pod) -> Iterator[Fault]:
    """A toleration that Kubernetes refuses keeps every pod of the group from being made."""
    for i, toleration in enumerate(pod.spec.get("tolerations", [])):
        path = f"{pod.path}.tolerations[{i}]"
        operator, effect = toleration.get("operator", "Equal"), toleration.get("effect", "")
        if operator not in ("Equal", "Exists"):
            yield Fault(f"{path}.operator", f"{operator!r} is neither Equal nor Exists")
        elif operator == "Exists" and toleration.get("value"):
            yield Fault(f"{path}.value", "must be left out with operator Exists")
        elif operator == "Equal" and not toleration.get("key"):
            yield Fault(f"{path}.key", "must be given with operator Equal")
        if effect not in ("", "NoSchedule", "PreferNoSchedule", "NoExecute"):
            yield Fault(f"{path}.effect", f"{effect!r} is not NoSchedule, PreferNoSchedule or NoExecute")


def _image(path: str, container: Mapping[str, Any]) -> Iterator[Fault]:
    """An image that cannot be pulled leaves a pod that never starts; a moving one, nodes that differ."""
    image = container.get("image", "")
    found = _IMAGE.fullmatch(image)
    if found is None:
        yield Fault(f"{path}.image", f"{image!r} is no reference of an image: lower case, registry/name:tag")
    elif found["digest"] is None and found["tag"] in (None, "latest"):
        yield Fault(f"{path}.image", f"{image!r} names no version, so nodes may run different ones")


def _variables(path: str, container: Mapping[str, Any]) -> Iterator[Fault]:
    counts = Counter(variable["name"] for variable in container.get("env", []))
    for i, variable in enumerate(container.get("env", [])):
        at, name = f"{path}.env[{i}]", variable["name"]
        if not _VARIABLE.fullmatch(name):
            yield Fault(f"{at}.name", f"{name!r} is no name of a variable")
        elif counts[name] > 1:
            yield Fault(f"{at}.name", f"{name} is set {counts[name]} times")
        elif name in MANAGED:
            yield Fault(f"{at}.name", f"{name} is the operator's to set")
        if "value" in variable and "valueFrom" in variable:
            yield Fault(f"{at}.valueFrom", f"{name} has a value already")
        if _is_secret(name) and variable.get("value"):
            yield Fault(f"{at}.value", f"{name} is a secret: refer to one with valueFrom.secretKeyRef")


def _is_secret(name: str) -> bool:
    return name.endswith(("_TOKEN", "_API_KEY", "_PASSWORD", "_SECRET"))


def _mounts(pod: Pod, path: str, container: Mapping[str, Any]) -> Iterator[Fault]:
    mounts = container.get("volumeMounts", [])
    counts = Counter(mount["mountPath"].rstrip("/") for mount in mounts)
    for i, mount in enumerate(mounts):
        at = f"{path}.volumeMounts[{i}]"
        if mount["name"] not in pod.volumes():
            yield Fault(f"{at}.name", f"there is no volume {mount['name']!r}")
        if not mount["mountPath"].startswith("/"):
            yield Fault(f"{at}.mountPath", f"{mount['mountPath']!r} is not an absolute path")
        elif (times := counts[mount["mountPath"].rstrip("/")]) > 1:
            yield Fault(f"{at}.mountPath", f"{mount['mountPath']} is mounted {times} times")


def _resources(path: str, container: Mapping[str, Any]) -> Iterator[Fault]:
    resources = container.get("resources", {})
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for kind, values in (("requests", requests), ("limits", limits)):
        for name, value in values.items():
            number = quantity(value)
            if number is None or number < 0:
                yield Fault(f"{path}.resources.{kind}.{name}", f"{value!r} is no amount")
    for name, limit in limits.items():
        wanted, most = quantity(requests.get(name, limit)), quantity(limit)
        if wanted is None or most is None:
            continue
        at = f"{path}.resources.requests.{name}"
        if wanted > most:
            yield Fault(at, f"{requests[name]} is over the limit of {limit}")
        elif wanted != most and "/" in name:
            yield Fault(at, f"{requests[name]} must be the limit, {limit}: devices are not shared")
    for name in requests:
        if "/" in name and name not in limits:
            yield Fault(f"{path}.resources.limits.{name}", f"must be given, as the request is: {requests[name]}")
