"""``sfray why`` on runs that failed on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sfray import pipeline
from sfray.cli import app
from sfray.cli.launch import launch
from sfray.cluster import NoCluster
from sfray.compose import load
from sfray.errors import REFUSED
from sfray.stages.questions import MakeQuestions
from sfray.store.artifact import Artifact
from sfray.store.workers import Identity, Journal

SMALL = ["steps=[questions]", "task.sft.count=4", "task.rl.count=16", "task.eval.count=4"]


def said(run: Path) -> str:
    """What the command prints."""
    done = CliRunner().invoke(app, ["why", str(run)])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_step_that_fails_is_explained_and_forgotten_once_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load([*SMALL, f"run.dir={tmp_path}", "run.name=r"])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "x"))

    with monkeypatch.context() as patched:
        patched.setattr(MakeQuestions, "run", fail)
        with pytest.raises(OSError, match="No space left"):
            pipeline.run(config)
    text = said(tmp_path / "r")
    assert text.startswith("questions: failed, last wrote 0 min ago\n")
    assert "  cause    OSError: [Errno 28] No space left on device" in text
    assert "  hint     Make room on the disk of run.dir" in text
    assert "  resume   the command that started the run makes all of the step again" in text
    pipeline.run(config)
    assert said(tmp_path / "r") == "every step that was begun is finished\n"


def test_a_step_that_was_interrupted_tells_what_went_wrong_before(tmp_path: Path) -> None:
    artifact = Artifact(tmp_path / "r" / "attempts", "sample", {}, {})
    artifact.open()
    artifact.missing(2)
    for process in (1, 2):
        Journal(artifact.path, Identity("actor", "a", 1, "node1", process)).begin(0)
    lines = said(tmp_path / "r").splitlines()
    assert lines[0] == "attempts: interrupted, last wrote 0 min ago"
    assert "  before   1 actor restarted, 1 shard made twice" in lines


def test_a_refused_command_leaves_its_reason_at_the_run(tmp_path: Path) -> None:
    prompts = tmp_path / "bad.yaml"
    prompts.write_text("hint: [\n", encoding="utf-8")
    with pytest.raises(SystemExit) as refused:
        launch([*SMALL, f"run.dir={tmp_path}", "run.name=r", f"prompts={prompts}"])
    assert refused.value.code == REFUSED
    lines = said(tmp_path / "r").splitlines()
    assert lines[0] == "the run: failed, last wrote 0 min ago"
    assert lines[1].startswith(f"  cause    ConfigError: prompts: {prompts} is not YAML: ")
    hint = "  hint     The config or an input must be corrected; running again changes nothing."
    assert lines[-2:] == [hint, "  resume   the command that started the run makes what it had not finished again"]
    pipeline.run(load([*SMALL, f"run.dir={tmp_path}", "run.name=r"]))
    assert said(tmp_path / "r") == "every step that was begun is finished\n"


def test_a_cluster_that_is_gone_is_told_from_files(tmp_path: Path) -> None:
    config = load(["steps=[attempts]", *SMALL[1:], f"run.dir={tmp_path}", "run.name=r", "cluster.address=127.0.0.1:9"])
    with pytest.raises(NoCluster):
        pipeline.run(config)
    lines = said(tmp_path / "r").splitlines()
    assert lines[0] == "attempts: failed, last wrote 0 min ago"
    assert lines[1].startswith("  cause    ConnectionRefusedError: ")
    assert lines[2].startswith("  then     NoCluster: cluster.address = 127.0.0.1:9: nothing answers there")
    assert "  hint     The cluster is gone or too small: start it, then run again." in lines


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["why", str(tmp_path)])
    assert done.exit_code == 2
