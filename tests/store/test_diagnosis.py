"""What is the matter with a run, from its files."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from sfray.config.validation import ConfigError
from sfray.io.files import DiskFull
from sfray.store import failure
from sfray.store.artifact import Artifact, StageStalled
from sfray.store.diagnosis import KILLED, SILENT_END, diagnose
from sfray.store.epochs import TakenOver
from sfray.store.failure import Death
from sfray.store.folder import RunFolder
from sfray.store.locks import hold
from sfray.store.workers import Identity, Journal


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with a finished step, and one of which two of five shards are done."""
    folder = RunFolder(tmp_path / "r")
    done = Artifact(folder.place("questions", "a"), "questions", {}, {})
    done.open()
    done.commit({})
    half = Artifact(folder.place("sample", "b"), "sample", {}, {"questions": done.fingerprint})
    half.open()
    half.missing(5)
    for shard in range(2):
        half.write_shard(shard, pa.table({"id": ["x"]}))
    folder.link("questions", done.path)
    folder.link("attempts", half.path)
    return folder


def test_an_interrupted_step_says_what_resuming_makes(run: RunFolder) -> None:
    (found,) = diagnose(run)
    assert (found.step, found.state, found.redone, found.failure, found.hint) == (
        "attempts",
        "interrupted",
        "3 of 5 shards",
        None,
        SILENT_END,
    )


def test_an_interrupted_step_on_a_full_disk_says_so(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**29))
    (found,) = diagnose(run)
    assert found.hint == "The disk of run.dir has 0.50 GiB left: make room, then run again."


def test_a_running_step_says_who_is_at_what_and_since_when_not_heard(run: RunFolder) -> None:
    folder = run.steps()["attempts"].resolve()
    for process, age in ((11, 30), (12, 130), (13, 500)):
        journal = Journal(folder, Identity("actor", f"slot{process}", 1, "node1", process))
        journal.begin(process)
        journal.beat()
        if process == 13:
            journal.end()
        heard = time.time() - age
        os.utime(journal.path, (heard, heard))
    with hold(folder):
        (found,) = diagnose(run)
    assert found.workers == (
        "process 12 on node1, shard 12: last step 2:10 min ago",
        "process 11 on node1, shard 11: last step 30 s ago",
    )
    assert found.driver == f"process {os.getpid()} on {socket.gethostname()}"
    assert found.hint == ""


def test_deaths_are_the_cause_where_nothing_came(run: RunFolder) -> None:
    folder = run.steps()["attempts"]
    Journal(folder, Identity("actor", "a", 1, "node1", 41)).begin(3)
    deaths = [Death("10.0.0.2", 40 + n, f"2026-11-27T17:28:4{n}Z", "it died unexpectedly") for n in range(1, 10)]
    failure.record(folder, "attempts", StageStalled(2), None, deaths)
    (found,) = diagnose(run)
    assert found.hint == KILLED
    assert found.died == (
        "process 41 on 10.0.0.2 at shard 3, 2026-11-27T17:28:41Z: it died unexpectedly; 8 more after it"
    )
    failure.record(folder, "attempts", OSError(28, "No space left on device"), None, deaths[:1])
    (found,) = diagnose(run)
    assert found.hint.startswith("Make room")
    assert found.died.endswith("it died unexpectedly")


def test_what_fails_before_the_work_is_kept_at_the_run(run: RunFolder) -> None:
    with pytest.raises(DiskFull), failure.before_work(run.path, "attempts"):
        raise DiskFull("x: 0.00 GiB are free")
    (found,) = diagnose(run)
    assert (found.step, found.state, found.redone) == ("attempts", "failed", "3 of 5 shards")
    assert found.hint.startswith("Make room")
    with failure.before_work(run.path):
        pass
    assert [one.state for one in diagnose(run)] == ["interrupted"]


def test_a_run_that_was_refused_before_its_first_step_says_why(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "new")
    with pytest.raises(ConfigError), failure.before_work(run.path):
        raise ConfigError(["prompts: bad.yaml is not YAML"])
    (found,) = diagnose(run)
    assert (found.step, found.redone) == ("the run", "what it had not finished")
    assert found.hint.startswith("The config or an input must be corrected")


def test_that_another_driver_is_at_work_is_no_failure(run: RunFolder) -> None:
    with pytest.raises(TakenOver), failure.before_work(run.path, "attempts"):
        raise TakenOver("by process 7")
    assert failure.read(run.path) is None


def test_a_step_that_a_driver_is_at_is_running(run: RunFolder) -> None:
    folder = run.steps()["attempts"].resolve()
    with hold(folder):
        assert [found.state for found in diagnose(run)] == ["running"]
    old = time.time() - 600
    for path in folder.rglob("*"):
        os.utime(path, (old, old))
    assert [round(found.quiet / 60) for found in diagnose(run)] == [10]


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (RuntimeError("worker died unexpectedly: SIGKILL"), "out of memory"),
        (RuntimeError("Torch not compiled with CUDA enabled"), "no usable GPU"),
        (OSError(28, "No space left on device"), "Make room"),
        (RuntimeError("no shard finished for engine.timeout_minutes = 60"), "Nothing came for too long"),
        (ConnectionError("failed to connect to GCS"), "The cluster is gone"),
        (ValueError("prompts: section 'hint' is missing or empty"), "must be corrected"),
        (RuntimeError("something else"), ""),
    ],
)
def test_the_first_cause_has_a_hint(run: RunFolder, error: Exception, hint: str) -> None:
    failure.record(run.steps()["attempts"], "attempts", error)
    (found,) = diagnose(run)
    assert found.state == "failed"
    assert hint in found.hint
    assert bool(found.hint) == bool(hint)


def test_a_folder_without_steps_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    with pytest.raises(ValueError, match="no step of a run is here"):
        diagnose(RunFolder(tmp_path / "r"))
