"""One driver per run: a lock on the run's folder, held while the pipeline works in it."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sfray.errors import TRY_AGAIN
from sfray.io.operations import operation

_UNSUPPORTED = (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS)


class RunLocked(RuntimeError):
    """Another driver is working in the run's folder."""

    exit_status = TRY_AGAIN


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Holds the lock of a run's folder.

    The kernel lets go of it when the process ends, however it ends. The lock is ``flock``:
    it holds between nodes on NFS (Linux, versions 3 and 4), on Lustre and BeeGFS only where
    the mount enables it. There a *node* that dies may keep its lock, on NFS 3 for ever: the
    message says what to delete then, since a new file is a new lock. Where the file system
    has no locks at all the run goes on without one, with a warning. Where two drivers are at work
    after all, :mod:`sfray.store.epochs` lets the later one have the artifact.

    Raises:
        RunLocked: Somebody else holds it; the message says who.
    """
    path = folder / ".lock"
    with operation("make", folder, guarded=False):
        folder.mkdir(parents=True, exist_ok=True)
    with operation("open", path, guarded=False):
        # "a+" opens without truncating: the holder's name must survive those who try.
        opened = path.open("a+", encoding="utf-8")
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunLocked(_refusal(folder, path)) from error
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            logging.getLogger(__name__).warning("%s: no file locks here (%s); start one driver only", folder, error)
        with operation("write", path, guarded=False):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        yield


def _refusal(folder: Path, path: Path) -> str:
    holder = path.read_text(encoding="utf-8") or "another process"
    return (
        f"{folder}: {holder} is working in this run. Wait for it, stop it, or choose another run.name. "
        f"If that node is gone for good, delete {path} and start again"
    )
