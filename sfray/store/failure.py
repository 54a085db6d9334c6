"""Why a step ended: kept beside its artifact, so that it can be asked when the cluster is gone."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from sfray.io.files import read_json, remove, replacing, write_json
from sfray.store import workers
from sfray.store.artifact import Artifact

FILE = "failure.json"
LOGS = "logs"
"""Folder of an artifact with the ends of its workers' logs."""

_TAIL_BYTES = 64 * 1024
_MOST_LOGS = 8


@dataclass(frozen=True)
class Failure:
    """One failure of a step.

    Attributes:
        step: Its name.
        when: In UTC.
        host: Of the driver.
        process: Of the driver.
        errors: What was raised, the first cause first: class and message of each.
        where: The last line of our own code that the first cause passed through.
        traceback: All of it.
        logs: Files below ``logs/`` that speak of an error.
    """

    step: str
    when: str
    host: str
    process: int
    errors: list[list[str]]
    where: str
    traceback: str
    logs: list[str] = field(default_factory=list)


class Recorder:
    """Records why the block inside fails, and lets the error pass; the record of an earlier failure goes.

    A step that is made together with others has failed if a worker had come to it by then.

    An interrupt is no failure, nor is one after the artifact was done. On a full disk the error
    itself is still told.
    """

    def __init__(self, artifact: Artifact, step: str, logs: Callable[[], Path | None], together: bool = False) -> None:
        """Takes the step's artifact and name; the logs are looked for when something has failed."""
        self.artifact, self.step, self.logs, self.together = artifact, step, logs, together

    def __enter__(self) -> None:
        forget(self.artifact.path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.artifact.require_claim()  # whatever failed: where another driver has taken over, say that
            if not self.artifact.done and (not self.together or self._begun()):
                with contextlib.suppress(OSError):
                    record(self.artifact.path, self.step, error, self.logs())

    def _begun(self) -> bool:
        return any(record.who.epoch == self.artifact.epoch for record in workers.read(self.artifact.path))


def record(folder: Path, step: str, error: BaseException, logs: Path | None = None) -> Failure:
    """Writes why a step failed, and copies the ends of the workers' logs that speak of an error.

    Args:
        folder: Of the step's artifact.
        step: Its name.
        error: What was raised.
        logs: Folder of Ray's logs on this node; None where Ray was not used.
    """
    chain = list(causes(error))
    made = Failure(
        step=step,
        when=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        host=socket.gethostname(),
        process=os.getpid(),
        errors=[[type(e).__name__, str(e).strip()] for e in reversed(chain)],
        where=_where(chain[-1]),
        traceback="".join(traceback.format_exception(error)),
        logs=[p.name for p in _copied(logs, folder / LOGS)] if logs else [],
    )
    write_json(folder / FILE, asdict(made))
    return made


def read(folder: Path) -> Failure | None:
    """The last failure of the step that makes an artifact; None where it did not fail."""
    return Failure(**read_json(folder / FILE)) if (folder / FILE).exists() else None


def forget(folder: Path) -> None:
    """Removes the record, when the step is begun again."""
    remove(folder / FILE)


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what caused it, and so on; Ray keeps a worker's own error as ``cause``."""
    seen: set[int] = set()
    now: BaseException | None = error
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        yield now
        inner = getattr(now, "cause", None)
        now = inner if isinstance(inner, BaseException) else now.__cause__ or _context(now)


def _context(error: BaseException) -> BaseException | None:
    return None if error.__suppress_context__ else error.__context__


def _where(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "sfray" in Path(f.filename).parts]
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""


def _copied(logs: Path, target: Path) -> Iterator[Path]:
    """Copies the ends of the newest logs that speak of an error."""
    files = sorted((p for p in logs.glob("*worker-*.err") if p.is_file()), key=lambda p: -p.stat().st_mtime)
    for file in files[:_MOST_LOGS]:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - _TAIL_BYTES))
            end = opened.read()
        if b"Traceback" in end or b"Error" in end or b"Fatal" in end:
            with replacing(target / file.name) as temporary:
                temporary.write_bytes(end)
            yield target / file.name
