"""The feed: callers in threads share an engine; what one gets does not depend on the others."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from sfray.sampling.feed import Feed, Use


class Stepped:
    """An engine whose responses take as many steps as their parameter says, and that counts who calls it.

    It has the parts of ``vllm.LLM`` that the feed uses; ``test_shards`` and ``test_lazily`` have the real one.
    """

    def __init__(self) -> None:
        self.llm_engine = self
        self.left: dict[str, int] = {}
        self.threads = {threading.get_ident()}
        self.most = 0
        self.numbers = iter(range(10_000))
        self.open = threading.Event()
        self.open.set()

    def enqueue(self, prompts: list[Any], params: list[int], use_tqdm: bool) -> list[str]:
        assert not use_tqdm
        self.threads.add(threading.get_ident())
        if "refused" in prompts:
            raise ValueError("refused")
        names = [str(next(self.numbers)) for _ in prompts]
        self.left |= dict(zip(names, params, strict=True))
        return [f"{name}-1a2b" for name in names]

    def has_unfinished_requests(self) -> bool:
        return bool(self.left)

    def get_num_unfinished_requests(self) -> int:
        return len(self.left)

    def step(self) -> list[Any]:
        assert self.open.wait(30)
        self.threads.add(threading.get_ident())
        self.most = max(self.most, len(self.left))
        time.sleep(0.001)
        self.left = {name: steps - 1 for name, steps in self.left.items()}
        done = [name for name, steps in self.left.items() if steps <= 0]
        self.left = {name: steps for name, steps in self.left.items() if steps > 0}
        return [SimpleNamespace(request_id=name, finished=True) for name in done]


def numbers(outputs: list[Any]) -> list[int]:
    return [int(output.request_id) for output in outputs]


def test_outputs_come_in_the_order_of_the_prompts() -> None:
    feed = Feed(Stepped, 8)
    assert numbers(feed.generate(["a", "b", "c"], [3, 1, 2])) == [0, 1, 2]
    assert numbers(feed.generate(["d"], [1])) == [3]
    assert feed.generate([], []) == []


def test_a_short_batch_does_not_wait_for_a_long_one_that_came_before() -> None:
    feed = Feed(Stepped, 8)
    feed.llm.open.clear()
    finished: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(lambda: (feed.generate(["long"], [300]), finished.append("long")))
        while not feed.llm.left:
            time.sleep(0.001)
        short = pool.submit(lambda: (feed.generate(["short", "short"], [2, 3]), finished.append("short")))
        feed.llm.open.set()
        assert numbers(short.result(30)[0]) == [1, 2]
        assert numbers(long.result(30)[0]) == [0]
    assert finished == ["short", "long"]
    assert feed.llm.most == 3


def test_the_engine_is_touched_by_one_thread_alone() -> None:
    feed = Feed(Stepped, 8)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(feed.generate, ["p"] * 3, [1 + i % 5, 2, 1]) for i in range(40)]
        found = [numbers(a.result(30)) for a in asked]
    assert sorted(n for group in found for n in group) == list(range(120))
    assert all(group == list(range(group[0], group[0] + 3)) for group in found)
    assert len(feed.llm.threads) == 1


def test_what_the_engine_raises_reaches_its_caller_and_nobody_waits_for_ever() -> None:
    feed = Feed(Stepped, 8)
    with pytest.raises(ValueError, match=r"^refused$"):
        feed.generate(["refused"], [1])
    feed.llm.open.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(feed.generate, ["a"], [500])  # longer than it takes to hear of the failure
        while not feed.llm.left:
            time.sleep(0.001)
        second = pool.submit(feed.generate, ["refused"], [1])
        while feed._arrived.empty():
            time.sleep(0.001)
        feed.llm.open.set()
        # The first caller's turn took the second one's requests in.
        with pytest.raises(ValueError, match=r"^refused$"):
            first.result(30)
        with pytest.raises(RuntimeError, match="failed on requests of another shard"):
            second.result(30)


def test_use_is_what_was_running_of_what_could() -> None:
    told: list[int] = []
    feed = Feed(Stepped, 4, told.append)
    assert feed.take_use() == Use(0.0, 0.0)
    feed.generate(["a", "b"], [20, 20])
    used = feed.take_use()
    assert used.running == pytest.approx(used.slots / 2)
    assert used.slots >= 4 * 20 * 0.001
    assert told[-1] == 0
    feed.generate(["p"] * 9, [5] * 9)
    # More than there is room for is not more than all; the pause since the last call held nothing.
    used = feed.take_use()
    assert 0 < used.running < used.slots
    assert feed.take_use() == Use(0.0, 0.0)
