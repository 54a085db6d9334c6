"""One engine for several callers at a time: what one of them leaves idle, the others use.

A call that samples a shard returns with its longest response. Alone with the engine, that response leaves it idle
otherwise; so an actor samples several shards at once, each in a thread of its own, and their requests share the
engine's batch. The engine itself is touched by one thread only, which steps it as long as there is a request.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vllm import LLM


@dataclass(frozen=True, slots=True)
class Use:
    """How much of an engine was in use.

    Attributes:
        running: Responses at work, summed over time (seconds). A response counts when the engine has a slot for it;
            that it may wait there for memory is not seen.
        slots: Responses that could have been at work: ``engine.max_num_seqs``, summed over time (seconds).
    """

    running: float = 0.0
    slots: float = 0.0


@dataclass(slots=True)
class _Batch:
    """The requests of one call, and what has come of them."""

    prompts: Sequence[Any]
    params: Sequence[Any]
    place: dict[str, int] = field(default_factory=dict)
    outputs: dict[int, Any] = field(default_factory=dict)
    done: Future[list[Any]] = field(default_factory=Future)


class Feed:
    """``vllm.LLM`` for callers in several threads.

    Attributes:
        llm: The engine. Use it directly only while no call is under way.
    """

    def __init__(self, load: Callable[[], LLM], slots: int, on_step: Callable[[int], None] | None = None) -> None:
        """Loads the engine, in the thread that will step it: threads of OpenMP belong to the one that calls.

        Args:
            load: Makes the engine.
            slots: Responses that it works on at most.
            on_step: Is told after each step of the engine how many responses are unfinished; it must be quick.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self.llm = self._thread.submit(load).result()
        self._slots = slots
        self._on_step = on_step
        self._arrived: SimpleQueue[_Batch] = SimpleQueue()
        self._batches: dict[str, _Batch] = {}
        self._use, self._use_lock, self._counted = Use(), Lock(), 0.0

    def generate(self, prompts: Sequence[Any], params: Sequence[Any]) -> list[Any]:
        """What ``LLM.generate`` returns, while other callers' requests are worked on.

        Args:
            prompts: As vLLM takes them.
            params: A ``SamplingParams`` for each.

        Returns:
            A ``RequestOutput`` for each prompt, in their order.
        """
        if not prompts:
            return []
        batch = _Batch(prompts, params)
        self._arrived.put(batch)
        # Steps until nothing is left to do. If an earlier caller's turn does that, this one finds nothing left.
        stepping = self._thread.submit(self._step_all)
        either: list[Future[Any]] = [batch.done, stepping]
        wait(either, return_when=FIRST_COMPLETED)
        if not batch.done.done():
            stepping.result()  # raises what the engine did
            raise RuntimeError("the engine failed on requests of another shard, and took these with them")
        return batch.done.result()

    def close(self) -> None:
        """Frees the engine's memory; no call may be under way, and none may follow."""
        self._thread.submit(self._shut_down).result()
        self._thread.shutdown()

    def take_use(self) -> Use:
        """How much of the engine was in use since this was last asked, or since the first call."""
        with self._use_lock:
            used, self._use = self._use, Use()
        return used

    def _shut_down(self) -> None:
        # On GPUs this ends the engine's process; in this one it takes weights and KV cache from whoever holds them.
        self.llm.llm_engine.engine_core.shutdown()
        del self.llm
        gc.collect()  # an engine refers to itself

    def _step_all(self) -> None:
        engine = self.llm.llm_engine
        self._count(0)
        while self._take_in() or engine.has_unfinished_requests():
            unfinished = engine.get_num_unfinished_requests()
            for output in engine.step():
                if output.finished:
                    self._deliver(output)
            self._count(unfinished)
            if self._on_step is not None:
                self._on_step(engine.get_num_unfinished_requests())

    def _take_in(self) -> bool:
        """Hands arrived requests to the engine; whether there were any."""
        taken = False
        while True:
            try:
                batch = self._arrived.get_nowait()
            except Empty:
                return taken
            taken = True
            names = self.llm.enqueue(batch.prompts, batch.params, use_tqdm=False)
            # Outputs carry the number of a request; vLLM's own name of it is the number and random characters.
            batch.place = {name.partition("-")[0]: place for place, name in enumerate(names)}
            self._batches |= dict.fromkeys(batch.place, batch)

    def _deliver(self, output: Any) -> None:
        batch = self._batches.pop(output.request_id)
        batch.outputs[batch.place[output.request_id]] = output
        if len(batch.outputs) == len(batch.place):
            batch.done.set_result([batch.outputs[place] for place in range(len(batch.place))])

    def _count(self, unfinished: int) -> None:
        """Adds the time since it was last called, in which so many responses were unfinished."""
        now = time.monotonic()
        passed = now - self._counted if self._counted else 0.0
        self._counted = now
        with self._use_lock:
            self._use = Use(
                self._use.running + min(unfinished, self._slots) * passed, self._use.slots + self._slots * passed
            )
