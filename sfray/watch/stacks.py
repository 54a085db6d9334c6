"""On the node of a worker: what is done to it from outside."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import psutil

ANSWER_SECONDS = 10.0
"""How long a process may take to write its stacks."""

_SETTLED_SECONDS = 0.3


def dump(process: int, began: float, descriptor: int) -> str | None:
    """Has a process write its stacks, and reads them.

    Args:
        process: Its id, on this node.
        began: A time at which it was running, in seconds since the epoch: its id may have another process by now.
        descriptor: Of the file that its stacks go to, in that process.

    Returns:
        Its state, a line, and the stacks; None where it is gone.
    """
    try:
        found = psutil.Process(process)
        if found.create_time() > began or (state := found.status()) == psutil.STATUS_ZOMBIE:
            return None
        found.send_signal(signal.SIGUSR1)
        found.send_signal(signal.SIGCONT)  # a process that was stopped handles no signal before
        text = _settled(Path(f"/proc/{process}/fd/{descriptor}"))
    except (psutil.Error, OSError):
        return None
    return f"state: {state}\n" + (text or f"It wrote no stacks within {ANSWER_SECONDS:g} s.\n")


def end(process: int, began: float) -> None:
    """Ends a process of this node that was running at a time; one that is gone is no error."""
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(process)
        if found.create_time() <= began:
            found.kill()


def _settled(file: Path) -> str:
    """What is in a file once it has stopped growing."""
    deadline = time.monotonic() + ANSWER_SECONDS
    text = ""
    while time.monotonic() < deadline:
        time.sleep(_SETTLED_SECONDS)
        before, text = text, file.read_text(encoding="utf-8", errors="replace")
        if text and text == before:
            break
    return text
