"""A command in a process of its own, and what it took: wall time, its own CPU time over time, its peak of memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

LOOK_SECONDS = 0.1

Command = Sequence[str]


@dataclass
class Watched:
    """What a process took; that of its children is not counted.

    Attributes:
        began: When it was started, in seconds since the epoch.
        seconds: Wall time.
        mib: Peak of its resident memory (``VmHWM``).
        times: When it was looked at, in seconds since the epoch.
        cpu: CPU seconds that it had used by then.
        status: What it ended with.
    """

    began: float
    seconds: float = 0.0
    mib: float = 0.0
    times: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    status: int = 0

    def cpu_between(self, start: float, end: float) -> float:
        """CPU seconds that it used between two times, interpolated between looks.

        Args:
            start: In seconds since the epoch.
            end: Likewise.
        """
        low, high = np.interp([start, end], self.times, self.cpu)
        return float(high - low)


def watch(command: Command, log: Path, until: Callable[[], bool] | None = None) -> Watched:
    """Runs a command to its end and looks at its process meanwhile.

    Args:
        command: The arguments of this Python.
        log: Where its output goes.
        until: Ends it with SIGKILL as soon as this is true.

    Raises:
        subprocess.CalledProcessError: It failed of itself.
    """
    with log.open("ab") as output:
        found = Watched(time.time())
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        )
        eye = psutil.Process(process.pid)
        while process.poll() is None:
            _look(eye, found)
            if until is not None and until():
                process.kill()
                process.wait()
                break
            time.sleep(LOOK_SECONDS)
    found.seconds = time.time() - found.began
    found.status = process.returncode
    if process.returncode and until is None:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return found


def _look(eye: psutil.Process, found: Watched) -> None:
    try:
        times = eye.cpu_times()
        status = Path(f"/proc/{eye.pid}/status").read_text()
    except (psutil.Error, OSError):  # it has just ended
        return
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    if peak is None:  # it has ended and was not waited for yet
        return
    found.mib = max(found.mib, int(peak.split()[1]) / 1024)
    found.times.append(time.time())
    found.cpu.append(times.user + times.system)
