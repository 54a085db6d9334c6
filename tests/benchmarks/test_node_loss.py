"""A node that is lost costs the shards that it was at, and is counted."""

from __future__ import annotations

import pytest

from benchmarks.node_loss import run


@pytest.mark.engine
def test_traces_are_the_same_after_a_node_is_lost() -> None:
    (row,) = run(["traces"], [0.2])
    assert row["same"]
    assert row["redone"] <= 1  # the node had one builder
    assert "1 node lost" in row["incidents"]
    assert "1 actor restarted" in row["incidents"]
