"""Errors for people: the message of a known one, the traceback of an unknown one."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sfray.progress import errors

REFUSED = 2
"""Exit status where another try does no good: the command or the config is wrong, or another driver is at it."""

FAILED = 1
"""Exit status of everything else; another try may help."""

TRY_AGAIN = 75
"""Exit status where only time is missing, a cluster that does not answer say: ``EX_TEMPFAIL`` of sysexits.h."""

_PATHS = ("pathlib", "shutil", "os", "genericpath")
"""Modules of the standard library through which a caller reaches the operating system."""


class Terminated(KeyboardInterrupt):
    """SIGTERM asked the process to end; it unwinds as after Ctrl-C."""


@contextmanager
def reported() -> Iterator[None]:
    """Ends the process with a plain message when the user can correct the cause; see :func:`exit_status`.

    An error is known when it is a ``ValueError``, ``RuntimeError`` or ``OSError`` that a
    module of sfray raised on purpose, or that the operating system raised at a path of its
    asking. Every other error keeps its traceback.
    """
    try:
        yield
    except (ValueError, RuntimeError, OSError) as error:
        if not _raised_by_us(error):
            raise
        errors.print(f"[bold red]{type(error).__name__}[/]")
        errors.print(str(error), markup=False)
        sys.exit(exit_status(error))


@contextmanager
def interruptible() -> Iterator[None]:
    """Ends the process after Ctrl-C or SIGTERM with a plain message and the status that shells give for the signal."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        number = signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT
        errors.print(f"[bold red]ended by {number.name}[/]; the same command goes on from what is done")
        sys.exit(128 + number)


def unwind_on_sigterm() -> None:
    """Lets SIGTERM raise :class:`Terminated`, where the main thread calls this; no other can."""

    def terminate(_number: int, _frame: FrameType | None) -> None:
        """Handles the signal."""
        raise Terminated

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, terminate)


def exit_status(error: BaseException) -> int:
    """What a known error says to whoever might start the command again.

    A class of errors says so by an attribute ``exit_status``; without one a ``ValueError`` speaks of what was given.
    """
    return int(getattr(error, "exit_status", REFUSED if isinstance(error, ValueError) else FAILED))


def with_causes(error: BaseException) -> str:
    """An error's message and those of its causes: a library's own may only say that it failed."""
    messages: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        message = str(cause) or type(cause).__name__
        messages += [] if message in messages else [message]
        cause = cause.__cause__
    return "; because: ".join(messages)


def _raised_by_us(error: BaseException) -> bool:
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, OSError):
        while modules and modules[-1] in _PATHS:
            modules.pop()
    return bool(modules) and modules[-1].startswith("sfray.")
