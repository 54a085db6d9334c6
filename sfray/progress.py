"""Progress bars: live on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_LOG_SECONDS = 15.0

_LOG_COLUMNS = 120
"""Width of tables where there is no terminal to ask."""

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _LOG_COLUMNS)
"""Where everything for people is printed."""

errors = Console(stderr=True, highlight=False, soft_wrap=True)
"""Where errors are printed."""


class Bar:
    """A bar over a known number of units.

    Args:
        title: What is done.
        total: Units in all.
        unit: What they are.
        done: Units that were finished before.

    Example:
        >>> with Bar("attempts", total=2, unit="shards") as bar:
        ...     bar.advance("128 rows/s")
    """

    def __init__(self, title: str, total: int, unit: str = "", done: int = 0) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = done
        self._last = 0.0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(title, total=total, completed=done, unit=unit, note="")

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, note: str = "", steps: int = 1) -> None:
        """Counts finished units and shows a note beside the bar."""
        self.update(self.done + steps, note)

    def update(self, done: int, note: str = "") -> None:
        """Sets the number of finished units."""
        self.done = done
        self._progress.update(self._task, completed=done, note=note)
        now = time.monotonic()
        if not console.is_terminal and (done >= self.total or now - self._last >= _LOG_SECONDS):
            self._last = now
            console.print(f"{self.title}: {done}/{self.total} {self.unit} {now - self._start:.0f}s {note}")


def clock(seconds: float) -> str:
    """A duration: ``0.4 s``, ``42 s``, ``6:41 min``, ``2:05 h``."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"
    return f"{int(seconds) // 3600}:{int(seconds) % 3600 // 60:02d} h"
