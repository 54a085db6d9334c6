"""Schedules of failing calls are drawn from their seeds, and change no artifact."""

from __future__ import annotations

import pytest

from benchmarks.faults import METHODS, WAYS, run, schedule


def test_a_schedule_is_its_seeds() -> None:
    assert schedule(0) == {
        "ray::rpc::ActorInfoGcsService.grpc_client.KillActorViaGcs": {
            "num_failures": 2,
            "num_lower_bound_in_flight_failures": 2,
        },
        "ray::rpc::ActorInfoGcsService.grpc_client.RegisterActor": {
            "num_failures": 1,
            "num_lower_bound_in_flight_failures": 1,
        },
    }
    assert schedule(0) == schedule(0) != schedule(1)


def test_two_hundred_schedules_fail_every_call_in_every_way() -> None:
    every = [schedule(seed) for seed in range(200)]
    assert {len(faults) for faults in every} == {1, 2, 3, 4}
    drawn = {(name, way) for faults in every for name, how in faults.items() for way in WAYS if f"_{way}_" in str(how)}
    assert drawn == {(name, way) for name in METHODS for way in WAYS}


@pytest.mark.engine
def test_what_fails_changes_nothing() -> None:
    found = run([3])
    assert (found["schedules"], found["violations"]) == (1, 0)
    assert found["injected"] > 0
