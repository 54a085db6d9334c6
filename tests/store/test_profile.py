import json

import pytest

from sfray.io.files import write_json
from sfray.store import sessions
from sfray.store.account import Account, Driver
from sfray.store.artifact import Artifact
from sfray.store.folder import RunFolder
from sfray.store.profile import profile
from sfray.store.sessions import Span


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(sessions.time, "time", lambda: now[0])
    return now


def step(run, clock, name, stage, seconds, spans=(), lines=()):
    made = Artifact(run.place(stage, name), stage, {"name": name}, {})
    made.open()
    if spans:
        made.spent(*(Span(name=n, began=clock[0] + a, ended=clock[0] + b) for n, a, b in spans))
    if lines:
        (made.path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    clock[0] += seconds
    manifest = made.commit({})
    run.link(name, made.path)
    return manifest


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "r")
    folder.path.mkdir()
    return folder


def parts(found):
    return [(p.step, p.kind, round(p.began, 3), round(p.seconds, 3)) for p in found.parts]


def test_timings_go_into_the_manifest(run, clock):
    manifest = step(run, clock, "attempts", "sample", 30, [("ray", 0, 3), ("imports", 3, 8), ("engine", 8, 10)])
    assert manifest.timings == {"ray": 3.0, "imports": 5.0, "engine": 2.0}
    assert manifest.seconds == 30.0


def test_what_is_no_start_is_work(run, clock):
    Account(drivers=(Driver(process=996.0, began=1000.0),)).write(run.path)
    step(run, clock, "attempts", "sample", 30, [("ray", 0, 3), ("imports", 3, 8), ("engine", 8, 10)])
    step(run, clock, "grpo", "grpo", 60, [("workers", 0, 20), ("export", 55, 60)])
    found = profile(run.path)
    assert parts(found) == [
        ("driver", "driver", 0, 4),
        ("attempts", "ray", 4, 3),
        ("attempts", "imports", 7, 5),
        ("attempts", "engine", 12, 2),
        ("attempts", "work", 14, 20),
        ("grpo", "workers", 34, 20),
        ("grpo", "work", 54, 35),
        ("grpo", "export", 89, 5),
    ]
    assert found.seconds == pytest.approx(94)
    assert found.work == pytest.approx(55 / 94)


def test_time_in_which_nobody_was_at_it_is_cut_out(run, clock):
    step(run, clock, "questions", "questions", 2)
    clock[0] += 10_000
    step(run, clock, "traces", "traces", 6)
    assert parts(profile(run.path)) == [("questions", "work", 0, 2), ("traces", "work", 2, 6)]


def test_an_older_step_is_split_where_training_recorded_its_steps(run, clock):
    step(run, clock, "attempts", "sample", 30)
    step(run, clock, "sft", "sft", 50, lines=[{"seconds": 10.0}, {"seconds": 25.0, "seconds_validation": 5.0}])
    found = profile(run.path)
    assert parts(found) == [
        ("attempts", "unsplit", 0, 30),
        ("sft", "workers", 30, 10),
        ("sft", "work", 40, 40),
    ]
    assert found.work is None


def test_a_driver_that_only_reused_is_left_out(run, clock):
    step(run, clock, "questions", "questions", 2)
    Account(drivers=(Driver(990.0, 999.0), Driver(5000.0, 5003.0))).write(run.path)
    assert [p for p in parts(profile(run.path)) if p[0] == "driver"] == [("driver", "driver", 0, 9)]


def test_a_run_without_a_finished_step_has_none(run):
    assert profile(run.path) is None


def test_an_account_is_read_as_it_was_written(tmp_path):
    account = Account({"sft": {"seconds": 3.0, "rows": 4, "tokens": 5}}, "mine", True, (Driver(1.0, 2.0),))
    account.write(tmp_path)
    assert Account.read(tmp_path) == account
    assert Account.read(tmp_path / "none") == Account()


def test_a_step_that_was_never_opened_notes_nothing(tmp_path):
    plan = tmp_path / "plan.json"
    sessions.note(plan, [Span(name="ray", began=1.0, ended=2.0)])
    assert not plan.exists()
    write_json(plan, {"sessions": [sessions.begin()]})
    sessions.note(plan, [Span(name="ray", began=1.0, ended=2.0)])
    sessions.note(plan, [Span(name="ray", began=2.0, ended=2.5)])
    assert sessions.timings(sessions.ended(plan)) == {"ray": 1.5}
