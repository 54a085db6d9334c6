"""Manifests against the operator's schema, closed to fields that it does not name."""

from __future__ import annotations

import json

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sfray.deploy.kuberay import manifests, ray_cluster
from sfray.deploy.schema import KINDS, operator, schema_faults
from tests.deploy.presets import preset

GOOD = preset("7B on 8 GPUs")


def test_it_is_of_a_released_operator() -> None:
    assert operator() == "v1.7.0"


def test_every_kind_passes() -> None:
    found = [*manifests(GOOD), ray_cluster(GOOD)]
    assert {manifest["kind"] for manifest in found} == set(KINDS)
    assert [list(schema_faults(manifest)) for manifest in found] == [[], [], []]


def test_an_unknown_field_is_named_with_the_nearest() -> None:
    (_, job) = manifests(GOOD)
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replica"] = 2
    assert [str(fault) for fault in schema_faults(job)] == [
        "spec.rayClusterSpec.workerGroupSpecs[0].replica: no such field; did you mean 'replicas'?"
    ]


def test_another_kind_is_refused() -> None:
    assert [str(fault) for fault in schema_faults({"kind": "RayService"})] == [
        "kind: 'RayService' is not one of RayJob, RayCluster, Job"
    ]


names = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8).map(lambda x: f"zz{x}")


@settings(max_examples=30, phases=[Phase.explicit, Phase.generate])
@given(name=names, depth=st.integers(0, 30))
def test_a_field_that_nobody_knows_is_found_wherever_it_is_put(name: str, depth: int) -> None:
    job = json.loads(json.dumps(manifests(GOOD)[1]))
    places = list(_objects(job["spec"], "spec"))
    path, place = places[depth % len(places)]
    place[name] = 1
    assert f"{path}.{name}" in [fault.path for fault in schema_faults(job)]


FREE = ("rayStartParams", "requests", "limits", "labels")
"""Objects whose keys are people's own."""


def _objects(value: object, path: str):  # type: ignore[no-untyped-def]
    if isinstance(value, dict):
        if path.rpartition(".")[2] not in FREE:
            yield path, value
        for key, inner in value.items():
            yield from _objects(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _objects(inner, f"{path}[{i}]")
