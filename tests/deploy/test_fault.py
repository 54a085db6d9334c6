"""Paths as people write them."""

from __future__ import annotations

from sfray.deploy.fault import Fault, joined


def test_a_path_names_keys_and_places() -> None:
    assert joined(["spec", "containers", 0, "env", 2, "name"]) == "spec.containers[0].env[2].name"
    assert joined([]) == ""


def test_a_fault_reads_as_one_line() -> None:
    assert str(Fault("spec.entrypoint", "must be given")) == "spec.entrypoint: must be given"
