"""What is the matter with a run, from its files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pyarrow as pa
import pytest

from sfray.store import failure
from sfray.store.artifact import Artifact
from sfray.store.diagnosis import diagnose
from sfray.store.folder import RunFolder
from sfray.store.locks import hold


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
        "",
    )


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
