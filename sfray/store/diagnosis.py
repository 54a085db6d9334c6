"""What is the matter with a run: the failed or unfinished step, its first cause, and what resuming would do again."""

from __future__ import annotations

import fcntl
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfray.io.files import MIN_FREE_BYTES, read_json
from sfray.progress import clock
from sfray.store import failure, workers
from sfray.store.failure import LOGS, Failure
from sfray.store.folder import RunFolder
from sfray.store.workers import Record

KILLED = (
    "A process was killed. Mostly the node was out of memory: give it more, or lower engine.max_num_seqs, "
    "sft.micro_batch or grpo.micro_batch. The node's dmesg tells."
)
STALLED = "Nothing came for too long: look at the workers' logs, or raise the limit."
SILENT_END = (
    "No error was recorded: the driver was asked to end, was killed, or lost its node or Ray's head. "
    "Run again to go on."
)

HINTS = (
    (r"SIGKILL|[Oo]ut ?[Oo]f ?[Mm]emory|OOM|ActorDied|WorkerCrashed|died unexpectedly", KILLED),
    (
        r"CUDA|NVIDIA|no GPU|not compiled with",
        "The node has no usable GPU: look at `sfray doctor` there, or set engine=cpu.",
    ),
    (r"No space left|DiskFull|quota|Read-only file system", "Make room on the disk of run.dir, then run again."),
    (
        r"WorkerSilent|silent_minutes",
        "A worker hung. The file of its stacks says at which line; running again goes on.",
    ),
    (r"StageStalled|timeout_minutes", STALLED),
    (
        r"NoCluster|HeadSilent|NoRoom|ConnectionError|GcsRpcError|RaySystemError|failed to connect",
        "The cluster is gone or too small: start it, then run again.",
    ),
    (r"ConfigError|prompts:|ValueError", "The config or an input must be corrected; running again changes nothing."),
)
"""Pattern over a cause -> what to do; the first that fits, of the first cause that one fits."""


@dataclass(frozen=True)
class Diagnosis:
    """What is the matter with one step.

    Attributes:
        step: Its name; ``the run`` where no step was begun.
        state: ``failed``, ``running`` or ``interrupted``.
        failure: Its last failure, if it was recorded.
        hint: What to do.
        redone: What resuming would make again.
        logs: Files to look at.
        quiet: Seconds since the step last wrote anything.
        incidents: What went wrong before, in words; empty where nothing did.
        driver: Who holds or held the step: process and host.
        workers: Of a step that is running: who is at what, and since when it was not heard.
        died: The first process that died, and how many more did; empty where none did.
    """

    step: str
    state: str
    failure: Failure | None
    hint: str
    redone: str
    logs: tuple[Path, ...]
    quiet: float
    incidents: str = ""
    driver: str = ""
    workers: tuple[str, ...] = ()
    died: str = ""


def diagnose(run: RunFolder) -> list[Diagnosis]:
    """The steps of a run that were begun and are not finished; from files alone.

    Raises:
        ValueError: There is no step of a run in the folder.
    """
    steps, before = run.steps(), failure.read(run.path)
    if not steps and before is None:
        raise ValueError(f"{run.path}: no step of a run is here")
    found = [_of(name, folder) for name, folder in steps.items() if not (folder / "manifest.json").exists()]
    if before is None:
        return found
    folder = steps.get(before.step)
    redone = "what it had not finished" if not before.step else _redone(folder) if folder else "all of the step"
    quiet = max(0.0, time.time() - (run.path / failure.FILE).stat().st_mtime)
    failed = Diagnosis(before.step or "the run", "failed", before, _hint(before), redone, (), quiet)
    return [failed, *(one for one in found if one.step != before.step)]


def _of(step: str, folder: Path) -> Diagnosis:
    found, records, held = failure.read(folder), workers.read(folder), _is_held(folder)
    state = "running" if held else "failed" if found else "interrupted"
    failed = found if state == "failed" else None
    return Diagnosis(
        step,
        state,
        failed,
        _hint(failed) if failed else "" if held else _end(folder),
        _redone(folder),
        tuple(_logs(folder)),
        _quiet(folder),
        workers.spoken(workers.incidents(records)),
        _driver(folder),
        tuple(_at_work(records)) if held else (),
        _died(failed, records) if failed else "",
    )


def _hint(failed: Failure) -> str:
    """What to do. Where nothing came because processes died again and again, that is the cause."""
    said = (": ".join(error) for error in failed.errors)  # the first cause first
    hint = next((text for one in said for pattern, text in HINTS if re.search(pattern, one)), "")
    return KILLED if failed.deaths and hint in ("", STALLED) else hint


def _end(folder: Path) -> str:
    """What to do where a driver left no word."""
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        return f"The disk of run.dir has {free / 2**30:.2f} GiB left: make room, then run again."
    return SILENT_END


def _driver(folder: Path) -> str:
    """Who took the step's lock last."""
    lock = folder / ".lock"
    return lock.read_text(encoding="utf-8").strip() if lock.exists() else ""


def _at_work(records: Sequence[Record]) -> Iterator[str]:
    """The workers that have work, the one that was heard last at the end."""
    for record in sorted((r for r in workers.latest(records) if r.busy), key=lambda r: r.heard):
        ago = max(0.0, time.time() - record.heard / 1e9)
        yield f"{_called(record)}: last step {clock(ago)} ago"


def _called(record: Record) -> str:
    at = f", shard {record.shards[-1]}" if record.shards else ""
    return f"process {record.who.process} on {record.who.host}{at}"


def _died(failed: Failure, records: Sequence[Record]) -> str:
    """The first death, with what the process was at, and the number of those after it."""
    if not failed.deaths:
        return ""
    first = failed.deaths[0]
    at = next(
        (f" at shard {r.shards[-1]}" for r in reversed(records) if r.shards and r.who.process == first.process), ""
    )
    more = f"; {failed.died - 1} more after it" if failed.died > 1 else ""
    return f"process {first.process} on {first.host}{at}, {first.when}: {first.how}{more}"


def _redone(folder: Path) -> str:
    shards = read_json(folder / "plan.json").get("shards", 0)
    if shards:
        missing = shards - len(list(folder.glob("part-*.parquet")))
        return f"{missing} of {shards} shards"
    points = [p for place in ("train", "checkpoints") for p in sorted((folder / place).glob("*")) if p.is_dir()]
    return f"what came after {points[-1].name}" if points else "all of the step"


def _logs(folder: Path) -> Iterator[Path]:
    yield from sorted((folder / LOGS).glob("*"))
    yield from sorted(folder.glob("*.log"))


def _quiet(folder: Path) -> float:
    newest = max((p.stat().st_mtime for p in folder.rglob("*") if p.is_file()), default=0.0)
    return max(0.0, time.time() - newest)


def _is_held(folder: Path) -> bool:
    """Whether a driver is at work in an artifact's folder."""
    lock = folder / ".lock"
    if not lock.exists():
        return False
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
