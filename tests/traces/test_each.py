"""The calls of the builders where a node of theirs is away, without a Ray."""

from __future__ import annotations

import pytest
import ray
from ray.exceptions import ActorUnavailableError

from sfray.traces import builder


class Builder:
    """An actor whose node is gone for its first calls, as Ray tells it before it has started the actor again."""

    def __init__(self, away: int) -> None:
        self.away, self.build, self.answered = away, self, list[int]()

    def remote(self, shard: int) -> tuple[Builder, int]:
        """A call, as a reference to its result."""
        return self, shard

    def result(self, shard: int) -> int:
        """What comes of a call."""
        if self.away:
            self.away -= 1
            raise ActorUnavailableError("connection refused", None)
        self.answered.append(shard)
        return shard


@pytest.fixture(autouse=True)
def _without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(ray, "wait", lambda waiting, **_: (waiting[:1], waiting[1:]))
    monkeypatch.setattr(ray, "get", lambda reference: reference[0].result(reference[1]))


def test_calls_are_made_in_order_one_at_a_time_each() -> None:
    one, two = Builder(0), Builder(0)
    assert list(builder._each([one, two], "build", [(n,) for n in range(5)], 1.0)) == [0, 1, 2, 3, 4]
    assert (one.answered, two.answered) == ([0, 2, 4], [1, 3])


def test_a_builder_that_is_away_loses_no_shard_and_makes_none_twice() -> None:
    away, here = Builder(7), Builder(0)
    assert sorted(builder._each([away, here], "build", [(n,) for n in range(20)], 1.0)) == list(range(20))
    assert away.away == 0
    assert sorted([*away.answered, *here.answered]) == list(range(20))


def test_a_builder_that_stays_away_ends_the_step() -> None:
    with pytest.raises(ActorUnavailableError, match="connection refused"):
        list(builder._each([Builder(10**9)], "build", [(0,)], 0.0))
