"""Actors of verl's that died, by Ray's table."""

from __future__ import annotations

import pytest
from ray.core.generated.common_pb2 import ActorDeathCause, ActorDiedErrorContext

from sfray.training.grpo.lost import lost


def died(reason: str, message: str) -> ActorDeathCause:
    cause = ActorDeathCause()
    cause.actor_died_error_context.reason = ActorDiedErrorContext.Reason.Value(reason)
    cause.actor_died_error_context.error_message = message
    return cause


def out_of_memory() -> ActorDeathCause:
    cause = ActorDeathCause()
    cause.oom_context.error_message = "The node was low on memory."
    return cause


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (
            died("NODE_DIED", "its node has died. Node Id: 56\n\tthe node was terminated: missing heartbeats\nmore"),
            ["server: its node has died. Node Id: 56 the node was terminated: missing heartbeats"],
        ),
        (died("WORKER_DIED", "its worker process has died."), ["server: its worker process has died."]),
        (out_of_memory(), ["server: The node was low on memory."]),
        (died("RAY_KILL", "it was killed by `ray.kill`"), []),
        (died("OUT_OF_SCOPE", "nobody refers to it"), []),
        (died("OWNER_DIED", "its owner died"), []),
        (ActorDeathCause(), []),
    ],
)
def test_only_what_nobody_asked_for_is_lost(cause, told):
    assert lost([{"Name": "server", "ActorClassName": "Server", "DeathCause": cause}]) == told


def test_an_actor_without_a_name_has_its_classs():
    rows = [{"Name": name, "ActorClassName": "B", "DeathCause": died("NODE_DIED", "gone")} for name in ("", "a")]
    assert lost(rows) == ["B: gone", "a: gone"]
