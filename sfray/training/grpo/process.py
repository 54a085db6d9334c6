"""The verl process: started so that nothing of it outlives its driver, watched, ended.

Three nets hold it: the kernel kills the process when the driver dies, Ray's own
processes fall with the process that started them, and whatever is left carries a marker
in its environment by which the next run finds and kills it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sfray.io.operations import allow
from sfray.store.fingerprint import fingerprint

MARKER = "SFRAY_GRPO_RUN"
"""Environment variable that every process of a run inherits; its value is the run's identity."""

PARENT = "SFRAY_PARENT"
"""Environment variable with the process id of the driver that started it."""

_STACKS_SECONDS = 1.0
"""How long a process may take to write its stacks."""

_SHARED_MEMORY = Path("/dev/shm")
_WEIGHTS = "verl_weights_*"
_MAPPED = re.compile(rf"^\S+ \S+ \S+ \S+ (\d+) +{_SHARED_MEMORY}/", re.MULTILINE)
"""The inode of a file in shared memory, in ``/proc/<pid>/maps``."""

_LOOK_SECONDS = 10.0
"""Between two looks at what a run's processes hold in shared memory. It is noted while they live: Ray kills Python's
own tracker of it together with them, and `ray job stop` kills all at once."""


class GrpoStopped(RuntimeError):
    """The watch ended verl: too long, or no sign of progress."""


@dataclass(frozen=True)
class Limits:
    """When the watch gives up, in seconds.

    Attributes:
        total: On the whole process.
        silence: Without a line in the log.
        poll: Between two looks.
    """

    total: float
    silence: float
    poll: float = 0.5


@dataclass
class Watch:
    """What the watch has seen of one process."""

    log: Path
    limits: Limits
    started: float = field(default_factory=time.monotonic)
    size: int = 0
    last_growth: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Looks at the clock and at the log.

        Raises:
            GrpoStopped: A limit is passed.
        """
        now = time.monotonic()
        size = self.log.stat().st_size if self.log.exists() else 0
        if size != self.size:
            self.size, self.last_growth = size, now
        if now - self.started > self.limits.total:
            raise GrpoStopped(f"verl was stopped after grpo.timeout_minutes = {self.limits.total / 60:g}")
        if now - self.last_growth > self.limits.silence:
            raise GrpoStopped(
                f"verl was stopped: it wrote nothing for engine.timeout_minutes = {self.limits.silence / 60:g}"
            )


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    limits: Limits,
    on_poll: Callable[[], None],
) -> int:
    """Runs a command to its end, with all of its descendants.

    Args:
        command: Program and arguments.
        environment: The whole environment; the marker is added.
        folder: Working folder; the output goes to ``verl.log`` there, appended.
        limits: When to give up.
        on_poll: Called at every look, and once after the end.

    Returns:
        The exit code.

    Raises:
        GrpoStopped: A limit was passed. Everything of the run is dead by then.
    """
    identity = identify(folder)
    end_leftovers(folder)
    log = folder / "verl.log"
    watch = Watch(log, limits, size=log.stat().st_size if log.exists() else 0)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env={**environment, MARKER: identity, PARENT: str(os.getpid())},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        held: set[Path] = set()
        looked = time.monotonic()
        try:
            while process.poll() is None:
                _check(watch, process)
                on_poll()
                if time.monotonic() - looked >= _LOOK_SECONDS:
                    looked = time.monotonic()
                    held |= shared_memory(processes(identity))
                time.sleep(limits.poll)
        finally:
            held |= shared_memory(processes(identity))
            _kill(lambda: processes(identity, os.getpid()))  # a driver that has taken over has the same marker
            process.wait()
            end_leftovers(folder)
            for path in held - shared_memory(psutil.process_iter()):
                path.unlink(missing_ok=True)
    on_poll()
    return process.returncode


def _check(watch: Watch, process: subprocess.Popen[bytes]) -> None:
    """Looks at the clock and the log; a process that will be stopped writes its stacks into the log first."""
    try:
        watch.check()
    except GrpoStopped:
        process.send_signal(signal.SIGUSR1)
        time.sleep(_STACKS_SECONDS)
        raise


def identify(folder: Path) -> str:
    """The marker's value: the same for every attempt at the same stage folder."""
    return str(folder.resolve())


def ray_folder(folder: Path) -> Path:
    """Temporary folder of the run's private Ray instance.

    Ray's socket paths may have 107 characters, so it is short and not inside the run.
    """
    return Path(tempfile.gettempdir()) / f"sfray-{fingerprint(identify(folder))[:8]}"


def end_leftovers(folder: Path) -> list[int]:
    """Kills every process of a run and removes its temporary files.

    Returns:
        The process ids that were killed.

    Raises:
        TakenOver: They belong to another driver by now.
    """
    allow(folder)
    identity = identify(folder)
    shared = weight_buffers(identity)
    killed = _kill(lambda: processes(identity))
    for path in shared:
        path.unlink(missing_ok=True)
    shutil.rmtree(ray_folder(folder), ignore_errors=True)
    return killed


def _kill(found: Callable[[], Iterator[psutil.Process]]) -> list[int]:
    killed = []
    for _ in range(3):  # A process can start another while the first is being killed.
        alive = list(found())
        if not alive:
            break
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                killed.append(process.pid)
        psutil.wait_procs(alive, timeout=10)
    return killed


def processes(identity: str, driver: int | None = None) -> Iterator[psutil.Process]:
    """The living processes that carry the run's marker, this one apart.

    Args:
        identity: The marker's value.
        driver: Only those that this process started; None for all.
    """
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            carried = process.environ()
            ours = carried.get(MARKER) == identity and driver in (None, int(carried.get(PARENT, 0)))
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def shared_memory(holders: Iterable[psutil.Process]) -> set[Path]:
    """The files in shared memory, semaphores among them, that processes have mapped.

    They are found by their inodes: who makes a semaphore has mapped it under a name that it had before.
    """
    inodes: set[int] = set()
    for process in holders:
        with contextlib.suppress(OSError):  # gone, or another user's
            maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace")
            inodes.update(map(int, _MAPPED.findall(maps)))
    found = set()
    for path in _SHARED_MEMORY.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino in inodes:
                found.add(path)
    return found


def weight_buffers(identity: str) -> list[Path]:
    """verl's weight buffers in shared memory that a run holds, or that no process holds any more.

    Buffers that a living process of another run has mapped are not among them.
    """
    present = {p for p in _SHARED_MEMORY.glob(_WEIGHTS) if p.stat().st_uid == os.getuid()}
    if not present:
        return []
    ours = {process.pid for process in processes(identity)}
    return sorted(present - shared_memory(process for process in psutil.process_iter() if process.pid not in ours))
