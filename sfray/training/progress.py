"""A progress bar for training that happens in other processes, fed by what they record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sfray.progress import Bar

INTERVAL = 0.5
"""Seconds between looks at the record."""


@contextmanager
def following(
    title: str,
    steps: int,
    read: Callable[[], list[dict[str, Any]]],
    describe: Callable[[Mapping[str, Any]], str],
    on_step: Callable[[Mapping[str, Any]], None] = lambda line: None,  # noqa: ARG005 - the default does nothing
    look: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Shows a bar while the block runs.

    Args:
        title: What is trained.
        steps: Steps in all.
        read: Gives the steps recorded so far, each with its ``step``.
        describe: The figures of the latest step, in words.
        on_step: Is given each step that is new, in order.
        look: Called at each look.
    """
    ended = threading.Event()
    seen = max((line["step"] for line in read()), default=0)  # by earlier drivers
    with Bar(title, steps, "steps") as bar:

        def show() -> None:
            """Moves the bar to the last recorded step."""
            nonlocal seen
            look()
            recorded = read()
            if recorded and recorded[-1]["step"] != bar.done:
                for line in recorded:
                    if line["step"] > seen:
                        on_step(line)
                seen = recorded[-1]["step"]
                bar.update(recorded[-1]["step"], describe(recorded[-1]))

        def poll() -> None:
            """Shows the steps until training has ended."""
            while not ended.wait(INTERVAL):
                show()

        thread = threading.Thread(target=poll, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            show()
