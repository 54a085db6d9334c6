"""The steps of a run, and artifacts that no run refers to."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from sfray.cli import app
from sfray.io.arrow import to_table
from sfray.records import Reject
from sfray.store.artifact import Artifact
from sfray.store.folder import RunFolder
from sfray.store.listing import remove, size, table, unused
from sfray.store.locks import RunLocked, hold


def made(root: Path, step: str, stage: str, inputs: dict[str, str] | None = None, done: bool = True) -> Artifact:
    """An artifact that the run ``r`` links to."""
    run = RunFolder(root / "r")
    named = Artifact(Path(), stage, {"step": step}, inputs or {})
    artifact = Artifact(run.place(stage, named.fingerprint), stage, {"step": step}, inputs or {})
    artifact.open()
    artifact.missing(2)
    for shard in range(2 if done else 1):
        artifact.write_shard(shard, to_table(Reject, []))
    if done:
        artifact.commit({"rows": 1200})
    run.link(step, artifact.path)
    return artifact


def test_steps_come_after_what_they_read(tmp_path: Path) -> None:
    last = made(tmp_path, "z", "sample")
    made(tmp_path, "a", "reflect", {"attempts": last.fingerprint}, done=False)
    assert list(RunFolder(tmp_path / "r").steps()) == ["z", "a"]
    console = Console(width=200, record=True)
    console.print(table(tmp_path / "r"))
    lines = [line.split() for line in console.export_text().splitlines() if line.strip()][-2:]
    assert lines[0][:3] + lines[0][5:] == ["z", "sample", "done", "1,200", "rows", last.fingerprint]
    assert lines[1][:3] + lines[1][4:8] == ["a", "reflect", "begun", "1", "of", "2", "shards"]


def test_a_folder_without_steps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no step of a run is here"):
        table(tmp_path)


def test_only_what_no_run_links_to_is_unused(tmp_path: Path) -> None:
    kept, left = made(tmp_path, "a", "sample"), made(tmp_path, "b", "sample")
    assert unused(tmp_path) == []
    (tmp_path / "r" / "b").unlink()
    assert unused(tmp_path) == [left.path]
    assert size(left.path) > 0
    remove(left.path)
    assert [p for p in kept.path.parent.iterdir() if not p.name.startswith(".")] == [kept.path]


def test_what_a_run_is_making_is_not_removed(tmp_path: Path) -> None:
    artifact = made(tmp_path, "a", "sample")
    with hold(artifact.path), pytest.raises(RunLocked):
        remove(artifact.path)
    assert artifact.done


def test_gc_asks_first(tmp_path: Path) -> None:
    artifact = made(tmp_path, "a", "sample")
    (tmp_path / "r" / "a").unlink()
    refused = CliRunner().invoke(app, ["gc", str(tmp_path)], input="n\n")
    assert refused.exit_code == 1
    assert artifact.done
    accepted = CliRunner().invoke(app, ["gc", str(tmp_path), "--yes"])
    assert accepted.exit_code == 0, accepted.output
    assert not artifact.path.exists()
    assert "every artifact belongs to a run" in CliRunner().invoke(app, ["gc", str(tmp_path)]).output


def test_ls_lists(tmp_path: Path) -> None:
    made(tmp_path, "a", "sample")
    result = CliRunner().invoke(app, ["ls", str(tmp_path / "r")])
    assert result.exit_code == 0
    assert "sample" in result.output
