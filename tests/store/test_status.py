"""What is reused, resumed and made, and which setting makes the difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sfray.io.arrow import to_table
from sfray.records import Reject
from sfray.store.artifact import Artifact
from sfray.store.status import State, Status, show, status


def artifact(store: Path, inputs: dict[str, Any] | None = None, **config: Any) -> Artifact:
    """An artifact at its place in a store."""
    made = Artifact(Path(), "sample", config, inputs or {})
    return Artifact(store / "sample" / made.fingerprint, "sample", config, inputs or {})


def test_what_is_not_there_is_made(tmp_path: Path) -> None:
    assert status(artifact(tmp_path, n=1), tmp_path) == Status(State.MADE)


def test_what_is_half_there_is_resumed_and_says_how_far_it_is(tmp_path: Path) -> None:
    here = artifact(tmp_path, n=1)
    here.open()
    assert status(here, tmp_path) == Status(State.RESUMED)
    here.missing(3)
    here.write_shard(1, to_table(Reject, []))
    assert status(here, tmp_path) == Status(State.RESUMED, "1 of 3 shards")


def test_what_is_finished_is_reused(tmp_path: Path) -> None:
    here = artifact(tmp_path, n=1)
    here.open()
    here.commit({})
    assert status(here, tmp_path) == Status(State.REUSED)


def test_the_nearest_artifact_tells_what_differs(tmp_path: Path) -> None:
    for config in ({"n": 1, "t": 0.5, "k": 1}, {"n": 2, "t": 0.7, "k": 1}):
        artifact(tmp_path, **config).open()
    assert status(artifact(tmp_path, n=2, t=0.5, k=1), tmp_path).detail in (
        "n: 1 there, 2 now",
        "t: 0.7 there, 0.5 now",
    )
    assert status(artifact(tmp_path, n=2, t=0.7, k=3), tmp_path).detail == "k: 1 there, 3 now"
    assert status(artifact(tmp_path, n=9, t=0.9, k=9), tmp_path).detail.endswith(" and 1 more")
    named = status(artifact(tmp_path, {"model": "m"}, n=2, t=0.7, k=1), tmp_path)
    assert named.detail == 'input: {} there, absent now; input.model: absent there, "m" now'


def test_the_table_has_a_line_for_each_step(capsys) -> None:
    show({"a": Status(State.MADE, "x: [1] there"), "b": Status(State.REUSED)}, {"a": "sample", "b": "sft"})
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[-2:] == [["a", "sample", "made", "x:", "[1]", "there"], ["b", "sft", "reused"]]
