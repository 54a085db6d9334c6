"""A signal that asks a training to end: its workers save first.

    sft/<fingerprint>/stop    empty while workers are at it; "SIGTERM" once the driver was sent that

Workers may be on any node, so the driver asks them through a file on the storage that they
share, and they look into it after each step. It is there before they start: shared file
systems show what another node has written to a file as soon as it is opened, but may hide for a
minute that there is a new one.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from sfray.errors import Terminated
from sfray.io.files import append, remove, replacing
from sfray.progress import clock, console

FILE = "stop"

_ASKING = (signal.SIGTERM, signal.SIGINT)
"""Signals that ask for an end: of ``ray job stop``, Slurm and operators, and Ctrl-C."""


def requested(folder: Path) -> bool:
    """Whether the driver of a training was asked to end; called by its workers, after each step.

    Args:
        folder: Of the artifact that is made.
    """
    with contextlib.suppress(FileNotFoundError):  # the driver has ended
        return (folder / FILE).read_bytes() != b""
    return False


@dataclass
class Stop:
    """What a driver knows of being asked to end.

    Attributes:
        folder: Of the artifact that is made.
        title: What the step is called.
        grace: ``cluster.grace_seconds``.
        stepped: Whether there is something to save: a step was done since the workers started.
        asked: The signal; None without one.
        since: When it came, by ``time.monotonic()``.
    """

    folder: Path
    title: str
    grace: float
    stepped: bool = False
    asked: signal.Signals | None = None
    since: float = 0.0
    _passed_on: bool = False
    _over: bool = False

    def look(self) -> None:
        """Passes the request on to the workers, once there is one; to be called again and again."""
        if self.asked and not self._passed_on:
            self._passed_on = True
            append(self.folder / FILE, self.asked.name.encode())
            limit = f"within cluster.grace_seconds = {self.grace:g}"
            again = "another signal ends it at once"
            console.print(f"{self.title}: {self.asked.name}: saves after this step, {limit}; {again}", markup=False)

    def ended(self, step: int | None, steps: int) -> None:
        """Is told that the workers have ended; says what is saved, where they were asked to.

        Args:
            step: Of the last checkpoint; None where the workers have failed.
            steps: Of the whole training.

        Raises:
            KeyboardInterrupt: There was a signal; :class:`sfray.errors.Terminated` after SIGTERM.
        """
        if self.asked and step is not None:
            self._over = True
            console.print(f"{self.title}: step {step} of {steps} is saved, {self._waited(self.asked)}")
        if self.asked:
            raise _interrupt(self.asked)

    def abandoned(self) -> None:
        """Says that nothing was saved, where a request came to nothing."""
        if self.asked and not self._over:
            self._over = True
            kept = "the steps since the last checkpoint are lost"
            console.print(
                f"{self.title}: ended without saving, {self._waited(self.asked)}; {kept}", style="bold yellow"
            )

    def _waited(self, asked: signal.Signals) -> str:
        return f"{clock(time.monotonic() - self.since)} after {asked.name}"

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Handles a signal: the first one asks, the next one, or the end of the grace period, ends.

        Raises:
            KeyboardInterrupt: It ends, or there is nothing to save.
        """
        if self.asked or not self.stepped or not self.grace:
            raise _interrupt(self.asked if self.asked and number == signal.SIGALRM else signal.Signals(number))
        self.since = time.monotonic()
        self.asked = signal.Signals(number)
        signal.setitimer(signal.ITIMER_REAL, self.grace)


@contextmanager
def stoppable(folder: Path, title: str, grace: float) -> Iterator[Stop]:
    """Has the workers of a training asked to save when this process is asked to end.

    The block calls :meth:`Stop.look` again and again, and :meth:`Stop.ended` after them. Signals are
    handled where the main thread calls this; elsewhere they do what they did.

    Args:
        folder: Of the artifact that is made.
        title: What the step is called.
        grace: Seconds that the workers have to reach the end of a step and save it; 0 to end at once.
    """
    stop = Stop(folder, title, grace)
    with replacing(folder / FILE) as temporary:
        temporary.touch()
    here = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, stop.handle) for number in (*_ASKING, signal.SIGALRM) if here}
    try:
        yield stop
    except KeyboardInterrupt:
        stop.abandoned()
        raise
    finally:
        if here:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        remove(folder / FILE)


def _interrupt(number: signal.Signals) -> KeyboardInterrupt:
    return Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
