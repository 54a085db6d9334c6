"""Room for one engine in a process: calls that want the same one share it, others wait until it is free."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What frees its memory when it is told to."""

    def close(self) -> None:
        """Frees it."""


E = TypeVar("E", bound=Closable)
W = TypeVar("W")


class EngineSlot(Generic[W, E]):
    """Holds one engine at a time. Its methods may be called from several threads.

    A call that wants the engine that is there gets it at once, so shards of one model are not interrupted by those of
    the next. Any other call waits until nobody uses the engine; the first to come then has its own loaded in its place.
    """

    def __init__(self, load: Callable[[W], E]) -> None:
        """Starts empty.

        Args:
            load: Makes an engine; the one before has been closed by then.
        """
        self._load = load
        self._engine: E | None = None
        self._held: W | None = None
        self._users = 0
        self._waiting: list[W] = []
        self._changed = Condition()

    @contextmanager
    def engine(self, wanted: W) -> Iterator[E]:
        """Lends an engine.

        Args:
            wanted: What it is made of.
        """
        with self._changed:
            self._waiting.append(wanted)
            self._changed.wait_for(lambda: self._is_turn_of(wanted))
            self._waiting.remove(wanted)
            try:
                engine = self._given(wanted)
            finally:
                self._changed.notify_all()
            self._users += 1
        try:
            yield engine
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def _is_turn_of(self, wanted: W) -> bool:
        return self._held == wanted or (not self._users and self._waiting[0] == wanted)

    def _given(self, wanted: W) -> E:
        """The wanted engine; nobody uses another one by now."""
        if self._engine is None or self._held != wanted:
            if self._engine is not None:
                self._engine.close()
            self._engine = self._held = None
            self._engine = self._load(wanted)
            self._held = wanted
        return self._engine
