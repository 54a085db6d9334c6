"""The slot: one engine at a time, shared by those who want the same."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sfray.sampling.slot import EngineSlot


class Fake:
    """An engine that notes when it is loaded and closed."""

    log: list[str]

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log
        log.append(f"load {name}")

    def close(self) -> None:
        self.log.append(f"close {self.name}")


@pytest.fixture
def log() -> list[str]:
    """What happened to engines."""
    return []


@pytest.fixture
def slot(log: list[str]) -> EngineSlot[str, Fake]:
    """An empty slot; an engine named ``broken`` cannot be loaded."""

    def load(name: str) -> Fake:
        if name == "broken":
            raise OSError("no such model")
        return Fake(name, log)

    return EngineSlot(load)


def test_calls_that_want_the_same_engine_share_it(slot: EngineSlot[str, Fake], log: list[str]) -> None:
    with slot.engine("a") as one, slot.engine("a") as two:
        assert one is two
    with slot.engine("a") as three:
        assert three is one
    assert log == ["load a"]


def test_another_engine_is_loaded_when_nobody_uses_the_one_before(slot: EngineSlot[str, Fake], log: list[str]) -> None:
    def use(name: str) -> None:
        with slot.engine(name):
            log.append(f"use {name}")

    with ThreadPoolExecutor(3) as pool:
        with slot.engine("a"):
            waiting = [pool.submit(use, name) for name in ("b", "b")]
            while len(slot._waiting) < 2:
                time.sleep(0.001)
            pool.submit(use, "a").result(30)  # what wants the present engine goes first, whoever waits
            assert log == ["load a", "use a"]
        for call in waiting:
            call.result(30)
    assert log == ["load a", "use a", "close a", "load b", "use b", "use b"]


def test_the_first_to_come_is_the_first_to_be_served(slot: EngineSlot[str, Fake], log: list[str]) -> None:
    def use(name: str) -> None:
        with slot.engine(name):
            time.sleep(0.01)

    with ThreadPoolExecutor(3) as pool, slot.engine("a"):  # which is left before the pool waits
        for number, name in enumerate("cbd", 1):
            pool.submit(use, name)
            while len(slot._waiting) < number:
                time.sleep(0.001)
        assert log == ["load a"]
    assert log == ["load a", "close a", "load c", "close c", "load b", "close b", "load d"]


def test_many_threads_never_meet_another_engine_than_theirs(slot: EngineSlot[str, Fake], log: list[str]) -> None:
    inside: list[str] = []
    lock = threading.Lock()

    def use(name: str) -> None:
        with slot.engine(name) as engine:
            assert engine.name == name
            with lock:
                inside.append(name)
                assert set(inside) == {name}
            time.sleep(0.001)
            with lock:
                inside.remove(name)

    with ThreadPoolExecutor(8) as pool:
        for call in [pool.submit(use, "abc"[i % 3]) for i in range(60)]:
            call.result(30)
    loads = [line for line in log if line.startswith("load")]
    assert 3 <= len(loads) <= 60
    assert len(log) == 2 * len(loads) - 1  # each was closed but the last


def test_an_engine_that_cannot_be_loaded_is_an_error_of_whoever_wants_it(
    slot: EngineSlot[str, Fake], log: list[str]
) -> None:
    with slot.engine("a"):
        pass
    for _ in range(2):
        with pytest.raises(OSError, match="no such model"), slot.engine("broken"):
            pass
    with slot.engine("a"):
        pass
    assert log == ["load a", "close a", "load a"]
