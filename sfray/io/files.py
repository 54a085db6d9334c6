"""Files that are either whole or not there: written beside their place, synced, renamed into it."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
    """
    path = Path(os.path.abspath(path))  # "." has no name to write beside
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        if not temporary.exists():
            raise FileNotFoundError(f"nothing was written to take the place of {path}")
        _sync(temporary)
        if path.is_dir() and not path.is_symlink():
            if not temporary.is_dir():
                raise IsADirectoryError(f"{path} is a folder; a file must not take its place")
            discard(path, temporary)
        else:
            os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        _remove(temporary)


def discard(path: Path, successor: Path | None = None) -> None:
    """Takes a folder away in one step, so that a crash never leaves half of it in place.

    Args:
        path: The folder; its content is deleted after it has left its place.
        successor: Renamed into its place in between.
    """
    aside = _temporary(path)
    os.rename(path, aside)
    if successor is not None:
        os.rename(successor, path)
    shutil.rmtree(aside)


def remove_leftovers(folder: Path, pattern: str = "**/.*.tmp") -> None:
    """Removes what writers that died left in ``folder``. No writer may be at work there."""
    for path in list(folder.glob(pattern)):
        _remove(path)


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
