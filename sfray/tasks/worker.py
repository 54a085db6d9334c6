"""A bounded worker: judges what only a third-party library can judge, in a process of its own.

    reply = call("sfray.tasks.equality:compare", {"gold": "1/2", "answer": "0.5"})

The worker is a plain child process that speaks JSON lines, so it works from any thread,
actor or daemonic process, needs no signals in the caller, and cannot take the caller
down. Each call has a budget of *processor* time, enforced by the kernel (``RLIMIT_CPU``):
a machine under load does not turn slow answers into time-outs, and a library stuck in C
code is stopped all the same. Memory is capped too. A worker that dies is replaced.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CPU_SECONDS = 1
"""Processor time of one call; the kernel counts in whole seconds, so up to one more."""

WALL_SECONDS = 120.0
"""Backstop for a worker that neither computes nor answers."""

MEMORY_BYTES = 4 << 30
"""Cap on a worker's address space."""

# Without site and without PYTHONPATH, Python starts with the standard library alone on its path. So that comes first,
# and a re.py beside the caller's script is no module re.
_START = (
    "import site, sys; sys.path += sys.argv[2:]; site.main(); from sfray.tasks.worker import serve; serve(sys.argv[1])"
)


class WorkerTimeout(RuntimeError):
    """The call used up its processor time, its memory or the backstop."""


class WorkerFailure(RuntimeError):
    """The library raised on this input; the message is the last line of its traceback."""


class Worker:
    """One child process that serves one function, restarted when it dies. Safe to share among threads."""

    def __init__(self, function: str, cpu_seconds: int = CPU_SECONDS, wall_seconds: float = WALL_SECONDS) -> None:
        """Describes the worker; the process starts with the first call.

        Args:
            function: ``module:name`` of a function from JSON to JSON.
            cpu_seconds: Processor time of one call.
            wall_seconds: Time after which a silent call is given up.
        """
        self.function = function
        self.cpu_seconds = cpu_seconds
        self.wall_seconds = wall_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, argument: Mapping[str, Any]) -> Any:
        """Calls the function.

        Raises:
            WorkerTimeout: It did not answer within its bounds.
            WorkerFailure: It raised.
        """
        with self._lock:
            process = self._running()
            answered = False
            try:
                reply = self._ask(process, argument)
                answered = True
                return reply
            finally:
                if not answered:  # also after an interrupt: a late reply must not be taken for the next one's
                    self._end()

    def _ask(self, process: subprocess.Popen[bytes], argument: Mapping[str, Any]) -> Any:
        request = json.dumps({"cpu_seconds": self.cpu_seconds, "argument": argument})
        with contextlib.suppress(BrokenPipeError):  # a worker killed while idle; _read() finds out how it ended
            process.stdin.write(request.encode() + b"\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        line = self._read(process)
        if line is None:
            raise self._obituary(process)
        return json.loads(line)

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-P", "-c", _START, self.function, *_import_path()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={n: v for n, v in os.environ.items() if n != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"},
            )
            if self._read(self._process) is None:
                self._process.kill()  # one that is stuck in an import would never close its stderr
                raise RuntimeError(f"no worker for {self.function}: {self._last_words(self._process)}")
        return self._process

    def _read(self, process: subprocess.Popen[bytes]) -> bytes | None:
        """One line of the worker; None when it died or went silent."""
        line, deadline = b"", time.monotonic() + self.wall_seconds
        descriptor = process.stdout.fileno()  # type: ignore[union-attr]
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(descriptor, 1 << 16) if ready else b""
            if not chunk:
                return None
            line += chunk
        return line

    def _obituary(self, process: subprocess.Popen[bytes]) -> Exception:
        """What became of a worker that gave no reply."""
        if process.poll() is None and not select.select([process.stdout.fileno()], [], [], 0)[0]:  # type: ignore[union-attr]
            return WorkerTimeout(f"no reply within {self.wall_seconds:g} s")
        code = process.wait()
        words = self._last_words(process)
        if code == -signal.SIGXCPU:
            return WorkerTimeout(f"over {self.cpu_seconds} s of processor time")
        if code == -signal.SIGKILL or words.startswith("MemoryError"):
            return WorkerTimeout(f"over the bounds of memory: {words}")
        return WorkerFailure(words or f"the worker ended with {code}")

    @staticmethod
    def _last_words(process: subprocess.Popen[bytes]) -> str:
        lines = process.stderr.read().decode(errors="replace").strip().splitlines()  # type: ignore[union-attr]
        return lines[-1][:500] if lines else ""

    def _end(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]
        self._process = None


def _import_path() -> list[str]:
    """Where this process finds modules, in its order, and last the folder or archive that holds this package."""
    return [*(folder or os.curdir for folder in sys.path), str(Path(__file__).parents[2])]


_workers: dict[tuple[int, str], Worker] = {}
_workers_lock = threading.Lock()


def call(function: str, argument: Mapping[str, Any]) -> Any:
    """Calls a function in this process's own worker for it.

    Raises:
        WorkerTimeout: It did not answer within its bounds.
        WorkerFailure: It raised.
    """
    # Keyed by process: a fork must not share its parent's pipes.
    with _workers_lock:
        worker = _workers.setdefault((os.getpid(), function), Worker(function))
    return worker.call(argument)


@atexit.register
def _close() -> None:
    for (pid, _), worker in _workers.items():
        if pid == os.getpid():
            worker.close()


def _after_fork() -> None:
    global _workers_lock
    _workers_lock = threading.Lock()  # another thread of the parent may have held it
    _workers.clear()


os.register_at_fork(after_in_child=_after_fork)


def serve(function: str) -> None:
    """The worker's own loop; ends with its caller, or with the first exception."""
    # The protocol keeps the real stdout to itself: libraries that print must not garble it.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    module, _, name = function.partition(":")
    target = getattr(importlib.import_module(module), name)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        _allow(request["cpu_seconds"])
        print(json.dumps(target(**request["argument"])), file=replies, flush=True)


def _allow(seconds: int) -> None:
    """Moves the kernel's limit on processor time ahead of what is used already."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))
