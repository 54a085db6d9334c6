"""Wall time over sessions: an interrupted one counts until its last file was written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sfray.io.files import read_json, write_json
from sfray.store import sessions
from sfray.store.artifact import Artifact
from sfray.store.sessions import Span


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day, set by the test."""
    now = [1_000_000.0]
    monkeypatch.setattr(sessions.time, "time", lambda: now[0])
    return now


def written_at(path: Path, moment: float) -> None:
    """A file that was last written at a moment."""
    path.write_text("x")
    os.utime(path, (moment, moment))


def opened(stage: Artifact, moment: float) -> None:
    """Opens a stage, as if at a moment: the plan is a file as well."""
    stage.open()
    os.utime(stage.plan_path, (moment, moment))


def test_the_seconds_of_interrupted_sessions_add_up(tmp_path: Path, clock: list[float]) -> None:
    stage = Artifact(tmp_path / "sft", "sft", {}, {})
    opened(stage, clock[0])
    written_at(stage.path / "metrics.jsonl", clock[0] + 40)
    clock[0] += 10_000  # the driver was killed; somebody comes back hours later
    opened(stage, clock[0])
    assert read_json(stage.plan_path)["sessions"] == [
        {"began": 1_000_000.0, "ended": 1_000_040.0},
        {"began": 1_010_000.0, "ended": 1_010_000.0},
    ]
    clock[0] += 2.5
    manifest = stage.commit({})
    assert (manifest.seconds, manifest.sessions) == (42.5, 2)


def test_a_session_that_wrote_nothing_took_no_time(tmp_path: Path, clock: list[float]) -> None:
    stage = Artifact(tmp_path / "sft", "sft", {}, {})
    opened(stage, clock[0])
    clock[0] += 500
    opened(stage, clock[0])
    manifest = stage.commit({})
    assert (manifest.seconds, manifest.sessions) == (0.0, 2)


def test_what_was_before_a_session_began_in_earnest_is_cut_off(tmp_path: Path, clock: list[float]) -> None:
    stage = Artifact(tmp_path / "evaluate", "evaluate", {}, {})
    opened(stage, clock[0])
    at = clock[0]
    stage.spent(*(Span(name=n, began=at + b, ended=at + e) for n, b, e in (("imports", 1, 9), ("engine", 9, 14))))
    clock[0] += 20
    sessions.begin_later(stage.plan_path, at + 10)
    sessions.begin_later(stage.plan_path, at + 5)  # which is not later
    manifest = stage.commit({})
    assert (manifest.seconds, manifest.timings) == (10.0, {"imports": 0.0, "engine": 4.0})
    sessions.begin_later(tmp_path / "never opened" / "plan.json", at)
    assert not (tmp_path / "never opened").exists()


def test_the_number_of_shards_and_the_sessions_share_the_plan(tmp_path: Path) -> None:
    stage = Artifact(tmp_path / "attempts", "attempts", {"n": 1}, {})
    stage.open()
    assert stage.missing(2) == [0, 1]
    plan = read_json(stage.plan_path)
    assert (plan["fingerprint"], plan["config"], plan["shards"], len(plan["sessions"])) == (
        stage.fingerprint,
        {"n": 1},
        2,
        1,
    )


def test_a_plan_of_an_earlier_version_has_no_sessions(tmp_path: Path) -> None:
    stage = Artifact(tmp_path / "sft", "sft", {}, {})
    stage.open()
    plan = read_json(stage.plan_path)
    del plan["sessions"]
    write_json(stage.plan_path, plan)
    stage.open()
    assert stage.commit({}).sessions == 1


def test_the_use_of_engines_is_summed_over_sessions(tmp_path: Path) -> None:
    stage = Artifact(tmp_path / "attempts", "attempts", {}, {})
    stage.open()
    stage.used(30.0, 40.0)
    stage.open()
    stage.used(10.0, 30.0)
    stage.used(1.0, 10.0)
    assert stage.commit({}).engine_use == 0.5125
    without = Artifact(tmp_path / "traces", "traces", {}, {})
    without.open()
    assert without.commit({}).engine_use is None
    without = Artifact(tmp_path / "resumed", "attempts", {}, {})
    without.open()
    without.used(0.0, 0.0)  # nothing was left to do
    assert without.commit({}).engine_use is None
