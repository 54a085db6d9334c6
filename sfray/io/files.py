"""Files that are either whole or not there: written beside their place, synced, renamed into it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sfray.io.operations import operation

MIN_FREE_BYTES = 1 << 30
"""A stage does not start with less: one checkpoint or a few shards would fill the disk."""


class DiskFull(RuntimeError):
    """Too little space to start."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that takes its place when the block succeeds.

    The block writes a file or a folder there. When it fails, or the process dies, what was
    at ``path`` before is still there; a dead process leaves a hidden ``*.tmp`` that
    :func:`remove_leftovers` takes away.

    Raises:
        FileNotFoundError: The block wrote nothing.
        IsADirectoryError: It wrote a file, and there is a folder at ``path``.
        StorageFailed: The disk is full, read-only or broken.
    """
    path = Path(os.path.abspath(path))  # "." has no name to write beside
    make_folder(path.parent)
    temporary = _temporary(path)
    try:
        with operation("write", path):
            yield temporary
            if not temporary.exists():
                raise FileNotFoundError(f"nothing was written to take the place of {path}")
        with operation("sync", path):
            _sync(temporary)
        if path.is_dir() and not path.is_symlink():
            if not temporary.is_dir():
                raise IsADirectoryError(f"{path} is a folder; a file must not take its place")
            discard(path, temporary)
        else:
            # A guard is asked while the temporary file is there already: whoever takes over removes it, so that
            # a writer that is held up between its guard and the rename has nothing left to rename.
            with operation("replace", path):
                os.replace(temporary, path)
        with operation("sync the folder of", path):
            _sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):  # hidden, and removed when the folder is opened again
            _remove(temporary)


def discard(path: Path, successor: Path | None = None) -> None:
    """Takes a folder away in one step, so that a crash never leaves half of it in place.

    Args:
        path: The folder; its content is deleted after it has left its place.
        successor: Renamed into its place in between. When that fails, the folder is put back.
    """
    aside = _temporary(path)
    with operation("move", path):
        os.rename(path, aside)
    if successor is not None:
        try:
            with operation("replace", path):
                os.rename(successor, path)
        finally:
            if not path.exists():
                os.rename(aside, path)
    with operation("remove", path, guarded=False):  # the one that was moved: nobody else has it
        shutil.rmtree(aside)


def remove_leftovers(folder: Path, pattern: str = "**/.*.tmp") -> None:
    """Removes what writers that died left in ``folder``; one that is at work there after all finds its file gone."""
    for path in list(folder.glob(pattern)):
        with contextlib.suppress(FileNotFoundError):  # its writer has just taken it away
            if path.is_dir() and not path.is_symlink():
                discard(path)  # moved first: whoever writes there still cannot fill it while it is emptied
            else:
                remove(path)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, where they are missing.

    Raises:
        FileExistsError: There is a file in its place.
    """
    missing = [place for place in (path, *path.parents) if not place.is_dir()]
    if missing:
        with operation("make", path):
            path.mkdir(parents=True, exist_ok=True)
            for place in missing:
                _sync_folder(place.parent)


def remove(path: Path) -> None:
    """Removes a file or a link, if it is there."""
    if os.path.lexists(path):
        with operation("remove", path):
            path.unlink(missing_ok=True)


def create(path: Path, text: str) -> None:
    """Writes a file that must not be there yet: of several processes one succeeds.

    Raises:
        FileExistsError: It is there.
    """
    make_folder(path.parent)
    with operation("create", path):
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)


def append(path: Path, data: bytes) -> None:
    """Adds to a file, which need not be there; it is on disk when this returns. One writer at a time.

    What could not be added whole is not added at all.
    """
    make_folder(path.parent)
    size = path.stat().st_size if path.exists() else None
    with operation("append to", path), path.open("ab") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if size is None:
                _sync_folder(path.parent)
        except OSError:
            os.truncate(path, size or 0)
            raise


def truncate(path: Path, size: int) -> None:
    """Cuts a file."""
    with operation("cut", path):
        os.truncate(path, size)


def link(path: Path, target: str) -> None:
    """Makes ``path`` a link to a folder, in place of the link that may be there."""
    make_folder(path.parent)
    while True:
        temporary = _temporary(path)
        try:
            with operation("write", path):
                temporary.symlink_to(target, target_is_directory=True)
            with operation("replace", path):
                os.replace(temporary, path)
            return
        except FileNotFoundError:
            if not path.parent.exists():
                raise
            # another driver took the temporary link for a leftover of the dead
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Writes JSON atomically."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Reads JSON.

    Raises:
        ValueError: The file is not JSON; names its path.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def require_space(path: Path, floor: int = MIN_FREE_BYTES) -> None:
    """Checks the disk of a path, which need not exist yet.

    Raises:
        DiskFull: Fewer than ``floor`` bytes are free.
    """
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free
    if free < floor:
        raise DiskFull(
            f"{path}: {free / 2**30:.2f} GiB are free, at least {floor / 2**30:.2f} GiB are needed. "
            "Make room, or choose another run.dir"
        )


def _temporary(path: Path) -> Path:
    # Writers on several nodes can have the same process id: the random part tells them apart.
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if not path.is_dir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return
    for child in path.iterdir():
        _sync(child)
    _sync_folder(path)


def _sync_folder(path: Path) -> None:
    """Makes a rename durable, on file systems that know how."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
