"""What a driver notices of its workers, with the clock, the nodes and the stacks in the test's hands."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sfray.errors import TRY_AGAIN
from sfray.store import failure
from sfray.store.artifact import Artifact
from sfray.store.diagnosis import diagnose
from sfray.store.failure import record
from sfray.store.folder import RunFolder
from sfray.store.workers import Identity, Journal, incidents, read
from sfray.watch.watchdog import LOOK_SECONDS, Watchdog, WorkerSilent


def node(name: str, alive: bool = True, reason: int = 2) -> dict[str, Any]:
    return {"NodeID": name, "Alive": alive, "DeathReason": reason}


@dataclass
class World:
    """What the watchdog looks at."""

    output: Artifact
    now: float = 1000.0
    nodes: list[dict[str, Any]] = field(default_factory=lambda: [node("x"), node("y")])
    said: str | None = "state: stopped\nhere\n"
    headless: str | None = None

    def watchdog(self, minutes: float = 1.0) -> Watchdog:
        return Watchdog(
            self.output,
            "attempts",
            minutes,
            lambda: self.nodes,
            lambda who: self.said,
            lambda: self.now,
            lambda: self.headless,
        )

    def worker(self, process: int = 1, slot: str = "a") -> Journal:
        return Journal(self.output.path, Identity("actor", slot, self.output.epoch, "node1", process, began=process))

    def later(self, watchdog: Watchdog, seconds: float) -> None:
        self.now += seconds
        watchdog.look()


@pytest.fixture
def world(tmp_path: Path) -> World:
    output = Artifact(tmp_path / "run" / "attempts", "sample", {}, {})
    output.open()
    return World(output)


def beat(journal: Journal, at: int) -> None:
    """A heartbeat of another node's clock."""
    os.utime(journal.path, (at, at))


def test_a_restart_is_told_when_it_happens_and_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    watchdog = world.watchdog()
    world.worker(1).begin(0)
    world.later(watchdog, 60)
    assert capsys.readouterr().out == ""
    world.worker(2).begin(0)
    world.later(watchdog, 60)
    assert capsys.readouterr().out == "warning: attempts: 1 actor restarted, 1 shard made twice\n"
    world.later(watchdog, 60)
    assert capsys.readouterr().out == ""
    world.worker(3)
    world.later(watchdog, 60)
    assert capsys.readouterr().out == (
        "warning: attempts: 1 actor restarted (2 actors restarted, 1 shard made twice in all)\n"
    )


def test_what_an_earlier_driver_saw_is_not_told_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.worker(1)
    world.worker(2)
    world.later(world.watchdog(), 60)
    assert capsys.readouterr().out == ""


def test_a_node_that_goes_is_lost_and_one_that_was_told_to_is_not(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.nodes = [node("x"), node("y"), node("z"), node("old", alive=False)]
    watchdog = world.watchdog()
    world.nodes = [node("x"), node("y", False), node("z", False, reason=4), node("old", alive=False)]
    world.later(watchdog, 60)
    assert capsys.readouterr().out == "warning: attempts: 1 node lost\n"
    world.later(watchdog, 60)
    assert capsys.readouterr().out == ""
    assert incidents(read(world.output.path)) == {"nodes_lost": 1}
    assert [r.lost for r in read(world.output.path)] == [("y",)]


def test_looks_are_rare_and_rarer_than_a_limit_needs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert [world.watchdog(minutes).interval for minutes in (0, 60, 0.2)] == [LOOK_SECONDS, LOOK_SECONDS, 3]
    watchdog = world.watchdog(0.2)
    world.worker(1)
    world.worker(2)
    world.later(watchdog, 2.9)
    assert capsys.readouterr().out == ""
    watchdog.look(now=True)
    assert capsys.readouterr().out == "warning: attempts: 1 actor restarted\n"


def test_a_worker_that_does_no_step_ends_the_stage_with_its_stacks(world: World) -> None:
    watchdog, journal = world.watchdog(), world.worker(7)
    journal.begin(3)
    journal.beat()
    for moment in range(5):
        beat(journal, moment)
        world.later(watchdog, 50)
    world.later(watchdog, 55)
    with pytest.raises(WorkerSilent) as raised:
        world.later(watchdog, 15)
    file = world.output.path / "logs" / f"stacks-{journal.path.stem}.txt"
    assert file.read_text() == "process 7 on node1, silent at shard 3\nstate: stopped\nhere\n"
    assert str(raised.value) == (
        "attempts: process 7 on node1, silent at shard 3: no step for cluster.silent_minutes = 1; the stacks are in "
        f"{file}. What is finished is kept: run again to go on, or raise cluster.silent_minutes (0: no limit)"
    )
    assert raised.value.exit_status == TRY_AGAIN
    assert [who.process for who in raised.value.silent] == [7]
    record(world.output.path, "attempts", raised.value)
    (found,) = diagnose(RunFolder(world.output.path.parent))
    assert (found.state, found.logs) == ("failed", (file,))
    assert found.hint == "A worker hung. The file of its stacks says at which line; running again goes on."


@pytest.mark.parametrize("state", ["starting", "idle", "off", "dead", "restarted", "of another driver"])
def test_silence_that_means_nothing(world: World, state: str) -> None:
    journal = world.worker(1)
    journal.begin(3)
    if state != "starting":
        journal.beat()
    if state == "idle":
        journal.end()
    if state == "dead":
        world.said = None
    if state == "restarted":
        world.worker(2)
    if state == "of another driver":
        world.output.open()
        world.worker(2, "b")
    watchdog = world.watchdog(0 if state == "off" else 1)
    for _ in range(10):
        world.later(watchdog, 50)
    assert not (world.output.path / "logs").exists()


def test_a_head_that_is_gone_is_recorded_before_ray_ends_the_driver(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    watchdog = world.watchdog()
    world.headless = "the head does not answer"
    world.nodes = []  # what a dead head says of its nodes is not asked for
    for _ in range(2):
        world.later(watchdog, 60)
    assert capsys.readouterr().out == "warning: attempts: the head does not answer\n"
    (found,) = diagnose(RunFolder(world.output.path.parent))
    assert found.failure is not None
    assert (found.state, found.failure.errors) == ("failed", [["HeadSilent", "the head does not answer"]])
    assert found.hint == "The cluster is gone or too small: start it, then run again."
    world.headless = None
    world.nodes = [node("x"), node("y")]
    world.later(watchdog, 60)
    assert failure.read(world.output.path) is None
    assert incidents(read(world.output.path)) == {}


def test_the_end_of_the_work_is_no_silence(world: World) -> None:
    journal = world.worker(1)
    journal.begin(3)
    journal.beat()
    watchdog = world.watchdog()
    world.later(watchdog, 50)
    world.now += 100
    watchdog.look(now=True)
    assert not (world.output.path / "logs").exists()


def test_training_that_hangs_is_named_without_a_shard(world: World) -> None:
    watchdog = world.watchdog()
    world.worker(1).beat()
    world.worker(2, "b").beat()
    world.later(watchdog, 50)
    with pytest.raises(WorkerSilent, match=r"^attempts: process 1 on node1, silent at its work and 1 more: no step"):
        world.later(watchdog, 70)
    assert len(list((world.output.path / "logs").iterdir())) == 2
