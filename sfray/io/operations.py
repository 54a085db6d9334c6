"""The one door to the disk: whatever must outlive the process passes through :func:`sfray.io.operations.operation`.

Two things happen at the door. A folder may have a guard, which is asked right before each
operation below it and raises when this process may write there no longer. And what a disk
refuses is said in a sentence: which file, why, and what to do.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_MEANING = {
    errno.ENOSPC: "the disk is full: make room there",
    errno.EDQUOT: "the quota is used up: make room there, or have it raised",
    errno.EROFS: "the file system is read-only: have it mounted for writing, or choose another run.dir",
    errno.EIO: "the disk failed: look at the node's dmesg, repair it, or choose another run.dir",
}
"""What a disk may answer at any time -> what that means and asks for."""

_guards: dict[Path, Callable[[], None]] = {}


class StorageFailed(OSError):
    """The disk refused an operation; nothing is half done."""

    def __str__(self) -> str:
        return str(self.strerror)


def guard(folder: Path, check: Callable[[], None] | None) -> None:
    """Has ``check`` called right before each operation below a folder, in this process.

    Args:
        folder: The folder.
        check: Raises when this process may write there no longer; None for no check.
    """
    for place in {_absolute(folder), folder.resolve()}:
        if check is None:
            _guards.pop(place, None)
        else:
            _guards[place] = check


def allow(path: Path) -> None:
    """Asks the guard of the folder that a path is in, if it has one; the guard raises what it thinks fit."""
    place = _absolute(path)
    for folder in (place, *place.parents):
        if check := _guards.get(folder):
            check()


@contextmanager
def operation(kind: str, path: Path, guarded: bool = True) -> Iterator[None]:
    """Wraps one durable operation.

    Args:
        kind: What is done, for the message: ``write``, say.
        path: The file or folder that it is done to, by the name that it is known under.
        guarded: Whether the guard is asked.

    Raises:
        StorageFailed: The disk is full, read-only or broken.
    """
    try:
        if guarded:
            allow(path)
        yield
    except OSError as error:
        if (meaning := _MEANING.get(error.errno or 0)) and not isinstance(error, StorageFailed):
            message = f"{path}: could not {kind} it, {meaning}, then run again; what is finished is kept"
            raise StorageFailed(error.errno, message) from error
        if guarded:
            allow(path)  # what is missing may have been taken away by the one who took over
        raise


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))
