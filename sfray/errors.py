"""Errors for people: the message of a known one, the traceback of an unknown one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sfray.progress import errors


@contextmanager
def reported() -> Iterator[None]:
    """Ends the process with status 1 and a plain message when the user can mend the cause.

    An error is known when it is a ``ValueError``, ``RuntimeError`` or ``OSError`` that a
    module of sfray raised on purpose. Every other error keeps its traceback.
    """
    try:
        yield
    except (ValueError, RuntimeError, OSError) as error:
        if not _raised_by_us(error):
            raise
        errors.print(f"[bold red]{type(error).__name__}[/]")
        errors.print(str(error), markup=False)
        sys.exit(1)


def _raised_by_us(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("sfray.")
