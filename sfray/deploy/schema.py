"""Manifests against the operator's own schema, which is kept in ``crds/`` with its version.

Kubernetes drops a field that it does not know without a word; here it is a fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from sfray.deploy.fault import Fault, joined
from sfray.names import suggestion

_FILE = Path(__file__).with_name("crds") / "rayjob.json"

_OPEN = "x-kubernetes-preserve-unknown-fields"

_METADATA = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}

_NUMBER = {"type": "integer", "minimum": 0}


def operator() -> str:
    """The version of KubeRay that the schema is of."""
    return str(_read()["operator"])


def schema_faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields what the schema of its kind says against a manifest."""
    kind = manifest.get("kind")
    if kind not in KINDS:
        yield Fault("kind", f"{kind!r} is not one of {', '.join(KINDS)}")
        return
    for error in _validator(str(kind)).iter_errors(manifest):
        yield from _told(error)


def _told(error: ValidationError) -> Iterator[Fault]:
    path = list(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.schema, Mapping):
        known = error.schema["properties"]
        for name in sorted(set(error.instance) - set(known)):
            yield Fault(joined([*path, name]), f"no such field{suggestion(name, known)}")
    elif error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        yield Fault(joined([*path, missing]), "must be given")
    else:
        yield Fault(joined(path), error.message)


KINDS = ("RayJob", "RayCluster", "Job")
"""What manifests are written of."""


@cache
def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


@cache
def _validator(kind: str) -> Draft202012Validator:
    job = _read()["spec"]
    cluster = job["properties"]["rayClusterSpec"]
    pod = cluster["properties"]["workerGroupSpecs"]["items"]["properties"]["template"]
    spec, version = {
        "RayJob": (job, "ray.io/v1"),
        "RayCluster": (cluster, "ray.io/v1"),
        "Job": (_batch_job(pod), "batch/v1"),
    }[kind]
    fields = {"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": _METADATA, "spec": spec}
    return Draft202012Validator(_closed({"type": "object", "required": list(fields), "properties": fields}))


def _batch_job(pod: Mapping[str, Any]) -> dict[str, Any]:
    """What is used of Kubernetes' own jobs: their schema is not the operator's to publish."""
    codes = {"type": "object", "required": ["operator", "values"], "properties": {
        "containerName": {"type": "string"},
        "operator": {"enum": ["In", "NotIn"]},
        "values": {"type": "array", "minItems": 1, "items": {"type": "integer"}},
    }}  # fmt: skip
    actions = {"enum": ["FailJob", "FailIndex", "Ignore", "Count"]}
    rule = {"type": "object", "required": ["action"], "properties": {"action": actions, "onExitCodes": codes}}
    policy = {"type": "object", "required": ["rules"], "properties": {"rules": {"type": "array", "items": rule}}}
    numbers = dict.fromkeys(("backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"), _NUMBER)
    fields = {**numbers, "podFailurePolicy": policy, "template": pod}
    return {"type": "object", "required": ["template"], "properties": fields}


def _closed(schema: Any) -> Any:
    """A schema in which no object may have fields that are not named."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not schema.get(_OPEN):
        inner.setdefault("additionalProperties", False)
    return inner
