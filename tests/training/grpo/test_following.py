"""Metrics of GRPO are set once for each step, by whichever process is at it."""

import json
import threading
from typing import ClassVar

import pytest

from sfray.store.artifact import Artifact
from sfray.training.grpo import export, following
from sfray.training.grpo.following import VARIABLE, Following
from sfray.watch.metrics import CHECKPOINT, Meter

TAGS = {"run": "r", "step": "grpo", "stage": "grpo"}


class Noted(Meter):
    """Notes what would be set."""

    noted: ClassVar[list] = []

    def training_step(self, line):
        self.noted.append((line["step"], line["reward"]))

    def set(self, metric, value, **more):
        self.noted.append((metric, value))


@pytest.fixture
def noted(monkeypatch):
    monkeypatch.setattr(Noted, "noted", [])
    return Noted.noted


def record(folder, *steps, resumed=0):
    data = {"critic/score/mean": 0.5, "timing_s/step": 2.0}
    file = folder / "steps" / f"{resumed:06d}-{resumed + 1}.jsonl"
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps({"step": s, "data": data}) + "\n" for s in steps))


def test_each_step_and_checkpoint_is_set_once(tmp_path, noted):
    one = Following(Noted(TAGS), tmp_path)
    record(tmp_path, 1, 2)
    one.look()
    record(tmp_path, 1, 2, 3)
    checkpoints = tmp_path / "checkpoints"
    (checkpoints / "global_step_2").mkdir(parents=True)
    tracker = checkpoints / export.TRACKER
    tracker.write_text("2")
    one.look()
    one.look()
    assert noted == [(1, 0.5), (2, 0.5), (3, 0.5), (CHECKPOINT, tracker.stat().st_mtime)]


def test_the_process_that_runs_verl_is_told_what_to_follow_and_goes_on_after_an_earlier_one(
    tmp_path, monkeypatch, noted
):
    started = []
    monkeypatch.setattr(following, "Meter", Noted)
    monkeypatch.setattr(Following, "follow", lambda self, ended: started.append(self))
    output = Artifact(tmp_path, "grpo", {}, {}, run="r", step="grpo")
    monkeypatch.setenv(VARIABLE, Following.environment(output, tmp_path)[VARIABLE])
    record(tmp_path, 1, 2)
    Following.start()
    record(tmp_path, 3, resumed=2)
    (one,) = started
    assert (one.meter.tags, one.folder, one.seen) == (TAGS, tmp_path, 2)
    one.look()
    assert noted == [(3, 0.5)]


def test_without_a_stage_nothing_is_followed(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    started = []
    monkeypatch.setattr(threading.Thread, "start", lambda self: started.append(self))
    Following.start()
    assert started == []
