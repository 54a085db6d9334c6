"""Why a step ended: kept beside its artifact, so that it can be asked when the cluster is gone."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from sfray.io.files import read_json, remove, replacing, write_json
from sfray.store import workers
from sfray.store.artifact import Artifact
from sfray.store.epochs import TakenOver

FILE = "failure.json"
LOGS = "logs"
"""Folder of an artifact with the ends of its workers' logs."""

_TAIL_BYTES = 64 * 1024
_MOST_LOGS = 8
_MOST_DEATHS = 8


@dataclass(frozen=True)
class Death:
    """A process of Ray's that ended without being asked to.

    Attributes:
        host: Address of its node.
        process: Its process id there.
        when: In UTC.
        how: In a sentence.
    """

    host: str
    process: int
    when: str
    how: str


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
        deaths: Processes that died while the step was at work, the first one first.
        died: How many there were in all.
    """

    step: str
    when: str
    host: str
    process: int
    errors: list[list[str]]
    where: str
    traceback: str
    logs: list[str] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    died: int = 0


class Recorder:
    """Records why the block inside fails, and lets the error pass; the record of an earlier failure goes.

    A step that is made together with others has failed if a worker had come to it by then.

    An interrupt is no failure, nor is one after the artifact was done. On a full disk the error
    itself is still told.
    """

    def __init__(
        self,
        artifact: Artifact,
        step: str,
        logs: Callable[[], Path | None],
        deaths: Callable[[float], Sequence[Death]] = lambda _: (),
        together: bool = False,
    ) -> None:
        """Takes the step's artifact and name; logs, and deaths since a time, are asked for after a failure.

        Args:
            artifact: Of the step.
            step: Its name.
            logs: Finds the folder of Ray's logs.
            deaths: Lists the deaths of processes since a time.
            together: Whether it is made together with another step: it has failed only if it had begun.
        """
        self.artifact, self.step, self.logs, self.deaths, self.together = artifact, step, logs, deaths, together

    def __enter__(self) -> None:
        self.began = time.time()
        forget(self.artifact.path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.artifact.require_claim()  # whatever failed: where another driver has taken over, say that
            if not self.artifact.done and (not self.together or self._begun()):
                with contextlib.suppress(OSError):
                    record(self.artifact.path, self.step, error, self.logs(), self.deaths(self.began))

    def _begun(self) -> bool:
        return any(record.who.epoch == self.artifact.epoch for record in workers.read(self.artifact.path))


@contextlib.contextmanager
def before_work(run: Path, step: str = "") -> Iterator[None]:
    """Records at the run why the block inside fails: a config that is refused, a disk that is full, a dead cluster.

    That another driver is at it is no failure of the run.

    Args:
        run: The run's folder.
        step: What is about to be made; empty where it is the whole run.
    """
    if (run / FILE).exists():
        forget(run)

    def keep(_kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        """Records an error on its way out."""
        if isinstance(error, Exception) and not isinstance(error, TakenOver):
            with contextlib.suppress(OSError):
                record(run, step, error)

    with contextlib.ExitStack() as stack:
        stack.push(keep)
        yield


def record(
    folder: Path, step: str, error: BaseException, logs: Path | None = None, deaths: Sequence[Death] = ()
) -> Failure:
    """Writes why a step failed, and copies the ends of the workers' logs that speak of an error.

    Args:
        folder: Of the step's artifact, or of the run.
        step: Its name.
        error: What was raised.
        logs: Folder of Ray's logs on this node; None where Ray was not used.
        deaths: Of processes while the step was at work, in order.
    """
    chain = list(causes(error))
    made = Failure(
        step=step,
        when=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        host=socket.gethostname(),
        process=os.getpid(),
        errors=[told for e in reversed(chain) for told in _told(e)],
        where=_where(chain[-1]),
        traceback="".join(traceback.format_exception(error)),
        logs=[p.name for p in _copied(logs, folder / LOGS, {d.process for d in deaths})] if logs else [],
        deaths=list(deaths[:_MOST_DEATHS]),
        died=len(deaths),
    )
    write_json(folder / FILE, asdict(made))
    return made


def read(folder: Path) -> Failure | None:
    """The last failure of the step that makes an artifact; None where it did not fail."""
    if not (folder / FILE).exists():
        return None
    kept = read_json(folder / FILE)
    return Failure(**kept | {"deaths": [Death(**death) for death in kept.get("deaths", ())]})


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


_UNTOLD = ("SystemException",)
"""What Ray Data chains to an error as a mark of its own, with nothing to say."""

_LAST_ERROR = re.compile(r"^([A-Za-z_][\w.]*): ((?:(?!^  File ).)+)\Z", re.M | re.S)
"""What a traceback in an error's message ends with."""


def _told(error: BaseException) -> Iterator[list[str]]:
    """Class and message of an error; before it why an actor could not start, which Ray has in the message alone."""
    name, message = type(error).__name__, str(error).strip()
    if name in _UNTOLD and not message:
        return
    if name == "ActorDiedError" and (found := _LAST_ERROR.search(message)):
        yield [found[1].rpartition(".")[2], found[2].strip()]
    yield [name, message]


def _context(error: BaseException) -> BaseException | None:
    return None if error.__suppress_context__ else error.__context__


def _where(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "sfray" in Path(f.filename).parts]
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""


def _copied(logs: Path, target: Path, died: Iterable[int]) -> Iterator[Path]:
    """Copies the ends of the newest logs that speak of an error, or are of a process that died."""
    of_the_dead = tuple(f"-{process}.err" for process in died)
    found = (p for kind in ("err", "out") for p in logs.glob(f"*worker-*.{kind}") if p.is_file())
    files = sorted(found, key=lambda p: -p.stat().st_mtime)
    for file in files[:_MOST_LOGS]:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - _TAIL_BYTES))
            end = opened.read()
        if b"Traceback" in end or b"Error" in end or b"Fatal" in end or (end and file.name.endswith(of_the_dead)):
            with replacing(target / file.name) as temporary:
                temporary.write_bytes(end)
            yield target / file.name
