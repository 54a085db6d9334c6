"""Deaths, as Ray's table of workers tells them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from ray.core.generated.gcs_pb2 import WorkerTableData

from sfray.store.failure import Death
from sfray.watch.deaths import deaths, told

SYSTEM_ERROR, ASKED_TO, OUT_OF_MEMORY = 0, 1, 4


def worker(process: int, ended: int, exit_type: int = SYSTEM_ERROR, alive: bool = False, **more: Any) -> Any:
    made = WorkerTableData(pid=process, end_time_ms=ended, exit_type=exit_type, is_alive=alive, **more)
    made.worker_address.ip_address = "10.0.0.2"
    return made


def test_deaths_are_told_in_order_and_those_that_were_asked_for_are_none() -> None:
    table = [
        worker(5, 8_000, OUT_OF_MEMORY, exit_detail="Memory on the node was 15.2GB / 16.0GB.\nMore of it"),
        worker(4, 7_000, memory_used_bytes_at_death=3 * 2**29),
        worker(3, 7_500, ASKED_TO),
        worker(2, 6_000, alive=True),
        worker(1, 1_000),
    ]
    memory = "Ray ended it, as its node was out of memory: Memory on the node was 15.2GB / 16.0GB."
    assert told(table, since=5.0) == [
        Death("10.0.0.2", 4, "1970-01-01T00:00:07Z", "it died unexpectedly; it held 1.5 GiB"),
        Death("10.0.0.2", 5, "1970-01-01T00:00:08Z", memory),
    ]


def test_without_ray_nobody_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ray")
    assert deaths(0.0) == []
