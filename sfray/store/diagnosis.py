"""What is the matter with a run: the failed or unfinished step, its first cause, and what resuming would do again."""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sfray.io.files import read_json
from sfray.store import failure, workers
from sfray.store.failure import LOGS, Failure
from sfray.store.folder import RunFolder

HINTS = (
    (
        r"SIGKILL|[Oo]ut ?[Oo]f ?[Mm]emory|OOM|ActorDied|WorkerCrashed|died unexpectedly",
        "A process was killed. Mostly the node was out of memory: give it more, or lower engine.max_num_seqs, "
        "sft.micro_batch or grpo.micro_batch. The node's dmesg tells.",
    ),
    (
        r"CUDA|NVIDIA|no GPU|not compiled with",
        "The node has no usable GPU: look at `sfray doctor` there, or set engine=cpu.",
    ),
    (r"No space left|DiskFull|quota|Read-only file system", "Make room on the disk of run.dir, then run again."),
    (
        r"WorkerSilent|silent_minutes",
        "A worker hung. The file of its stacks says at which line; running again goes on.",
    ),
    (r"StageStalled|timeout_minutes", "Nothing came for too long: look at the workers' logs, or raise the limit."),
    (
        r"NoCluster|NoRoom|ConnectionError|GcsRpcError|RaySystemError|failed to connect",
        "The cluster is gone or too small: start it, then run again.",
    ),
    (r"ConfigError|prompts:|ValueError", "The config or an input must be corrected; running again changes nothing."),
)
"""Pattern over the first cause -> what to do; the first that fits."""


@dataclass(frozen=True)
class Diagnosis:
    """What is the matter with one step.

    Attributes:
        step: Its name.
        state: ``failed``, ``running`` or ``interrupted``.
        failure: Its last failure, if it was recorded.
        hint: What to do.
        redone: What resuming would make again.
        logs: Files to look at.
        quiet: Seconds since the step last wrote anything.
        incidents: What went wrong before, in words; empty where nothing did.
    """

    step: str
    state: str
    failure: Failure | None
    hint: str
    redone: str
    logs: tuple[Path, ...]
    quiet: float
    incidents: str = ""


def diagnose(run: RunFolder) -> list[Diagnosis]:
    """The steps of a run that were begun and are not finished; from files alone.

    Raises:
        ValueError: There is no step of a run in the folder.
    """
    steps = run.steps()
    if not steps:
        raise ValueError(f"{run.path}: no step of a run is here")
    return [_of(name, folder) for name, folder in steps.items() if not (folder / "manifest.json").exists()]


def _of(step: str, folder: Path) -> Diagnosis:
    found = failure.read(folder)
    state = "running" if _is_held(folder) else "failed" if found else "interrupted"
    said = f"{found.errors[0][0]}: {found.errors[0][1]}" if found else ""
    hint = next((text for pattern, text in HINTS if re.search(pattern, said)), "") if state == "failed" else ""
    return Diagnosis(
        step,
        state,
        found if state == "failed" else None,
        hint,
        _redone(folder),
        tuple(_logs(folder)),
        _quiet(folder),
        workers.spoken(workers.incidents(workers.read(folder))),
    )


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
