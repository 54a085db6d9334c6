"""Of the drivers that open an artifact only the last one writes there, also when an earlier one was only asleep."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfray import pipeline
from sfray.compose import load
from sfray.errors import REFUSED
from sfray.io.arrow import to_table
from sfray.io.files import read_json, write_json
from sfray.records import Reject
from sfray.store import epochs
from sfray.store.artifact import Artifact
from sfray.store.epochs import TakenOver
from sfray.store.locks import RunLocked
from tests.store.small import Door, Small, without_engines

ROOT = Path(__file__).parents[2]
STEPS = ["questions", "attempts", "correct", "traces", "trained"]


def stage(tmp_path: Path) -> Artifact:
    """A driver's view of one artifact; each call is another driver's."""
    return Artifact(tmp_path / "attempts", "sample", {"n": 2}, {"questions": "q1"})


def write(to: Artifact, shard: int) -> None:
    """Writes a shard."""
    to.write_shard(shard, to_table(Reject, [Reject(id=f"{shard}/{i}", reason="row") for i in range(3)]))


def files(root: Path) -> dict[str, tuple[bytes, int]]:
    """Name of each file below a folder -> content and time of the last change; locks, epochs and workers apart."""
    return {
        str(p.relative_to(root)): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in sorted(root.rglob("*"))
        if p.is_file() and p.name != ".lock" and p.parent.name not in ("epochs", "workers")
    }


def test_each_driver_claims_the_next_epoch_and_crosses_out_the_others(tmp_path: Path) -> None:
    drivers = [stage(tmp_path) for _ in range(3)]
    for driver in drivers:
        driver.open()
    claims = [driver.claim for driver in drivers]
    assert [claim.epoch for claim in claims if claim] == [1, 2, 3]
    found = {p.name: read_json(p) for p in sorted((tmp_path / "attempts" / "epochs").iterdir())}
    assert list(found) == ["000001", "000002", "000003"]
    assert [found[name].get("taken_over", {}).get("epoch") for name in found] == [2, 3, None]
    assert (found["000003"]["process"], found["000003"]["host"]) == (os.getpid(), socket.gethostname())


def test_who_was_taken_over_is_told_by_whom_and_writes_nothing(tmp_path: Path) -> None:
    one, other = stage(tmp_path), stage(tmp_path)
    one.open()
    one.missing(2)
    write(one, 0)
    other.open()
    before = files(tmp_path)
    for refused in (lambda: write(one, 0), lambda: write(one, 1), lambda: one.commit({}), one.require_claim):
        with pytest.raises(TakenOver) as caught:
            refused()
    us = f"process {os.getpid()} on {socket.gethostname()}"
    assert re.fullmatch(
        rf"sample: {us} \(epoch 2, since \d{{4}}-\S+Z\) has taken over {one.path}; this driver \(epoch 1, {us}\) stops "
        r"and writes nothing more there\. There is nothing to do: what it had finished is kept",
        str(caught.value),
    )
    assert files(tmp_path) == before
    write(other, 1)
    other.commit({"rows": 6})
    assert other.manifest.counts == {"rows": 6}


def test_whatever_a_process_of_the_old_epoch_writes_below_the_folder_is_refused(tmp_path: Path) -> None:
    one = stage(tmp_path)
    one.open()
    write_json(one.path / "deep" / "statistics.json", 1)
    by = {"epoch": 2, "process": 7, "host": "b", "since": "noon"}
    (one.path / "epochs" / "000001").write_text(json.dumps({"taken_over": by}))
    with pytest.raises(TakenOver, match=r"process 7 on b \(epoch 2, since noon\)"):
        write_json(one.path / "deep" / "statistics.json", 2)
    assert read_json(one.path / "deep" / "statistics.json") == 1
    write_json(tmp_path / "elsewhere.json", 2)


def test_a_folder_that_was_made_anew_is_not_ours(tmp_path: Path) -> None:
    one, other = stage(tmp_path), stage(tmp_path)
    one.open()
    shutil.rmtree(one.path)
    with pytest.raises(TakenOver, match="somebody who left no name has taken over"):
        write(one, 0)
    other.open()
    assert other.claim is not None
    assert other.claim.epoch == 1
    with pytest.raises(TakenOver, match="somebody who left no name has taken over"):
        write(one, 0)
    write(other, 0)


def test_two_that_claim_at_once_get_different_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = epochs.claim(tmp_path, "sample")
    monkeypatch.setattr(epochs, "_epochs", lambda folder: [])  # an old listing, as NFS shows for a while
    second = epochs.claim(tmp_path, "sample")
    assert (first.epoch, second.epoch) == (1, 2)
    second.check()
    with pytest.raises(TakenOver):
        first.check()


def test_a_driver_that_died_while_it_claimed_is_passed_over(tmp_path: Path) -> None:
    first = epochs.claim(tmp_path, "sample")
    (tmp_path / "epochs" / "000002").write_text("")
    third = epochs.claim(tmp_path, "sample")
    assert third.epoch == 3
    with pytest.raises(TakenOver, match=r"epoch 3, since"):
        first.check()
    assert read_json(tmp_path / "epochs" / "000002")["taken_over"]["epoch"] == 3


def test_what_another_finished_before_the_claim_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, claim = stage(tmp_path), epochs.claim

    def slow(folder: Path, name: str) -> epochs.Claim:
        """The other driver does all of its work between our look at the manifest and our claim."""
        monkeypatch.setattr(epochs, "claim", claim)
        other = stage(tmp_path)
        other.open()
        write(other, 0)
        other.commit({"rows": 3})
        return claim(folder, name)

    monkeypatch.setattr(epochs, "claim", slow)
    late.open()
    assert late.done
    before = files(tmp_path)
    late.open()
    assert files(tmp_path) == before


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The small run, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        without_engines(patch)
        yield Small(tmp_path_factory.mktemp("inputs"))


def asleep(small: Small, runs: Path, step: str, number: int, said: Path) -> int:
    """Starts a driver that stops itself right before an operation, its guard asked already; waits until it sleeps."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with Door(before=lambda n: os.kill(os.getpid(), signal.SIGSTOP) if n == number else None).open():
                small.make(runs, step)
            status = 0
        except TakenOver as error:
            said.write_text(str(error))
            status = error.exit_status
        finally:
            os._exit(status)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    return child


@pytest.mark.parametrize("step", STEPS)
def test_a_driver_that_sleeps_at_any_operation_changes_nothing_when_it_wakes(
    small: Small, tmp_path: Path, step: str
) -> None:
    done = tmp_path / "done"
    done.mkdir()
    if earlier := small.steps[: small.steps.index(step)]:
        small.make(done, *earlier)
    counted = shutil.copytree(done, tmp_path / "counted", symlinks=True)
    with Door().open() as door:
        small.make(counted, step)
    named = [(kind, path.name) for kind, path in door.seen]
    claims, commits = named.index(("create", "000001")), named.index(("replace", "manifest.json"))
    opened = named.index(("sync the folder of", "plan.json"))
    for number, (kind, path) in enumerate(door.seen):
        runs, said = Path(shutil.copytree(done, tmp_path / "runs", symlinks=True)), tmp_path / "said"
        sleeper = asleep(small, runs, step, number, said)
        for lock in runs.rglob(".lock"):
            lock.unlink()  # as a lock server gives the locks of a silent node away
        small.make(runs, step)
        before = files(runs)
        os.kill(sleeper, signal.SIGCONT)
        status = os.waitstatus_to_exitcode(os.waitpid(sleeper, 0)[1])
        after = files(runs)
        if (
            kind == "append to" and path.parent.name != "workers"
        ):  # the one window: an answer that was paid for is added to those that are there
            name = str(path.relative_to(counted))
            assert after.pop(name)[0].startswith(before.pop(name)[0])
        assert after == before, (kind, path)
        # Before its claim it is the newer driver, and finds all done; so it does where it looks next, right after it
        # has opened the artifact. After its commit it is the other that finds all done.
        assert status == (REFUSED if claims < number <= commits and number != opened else 0), (kind, path)
        if status:
            assert f"process {os.getpid()} on" in said.read_text()
            assert (
                f"{small.run(runs).artifacts[step].path}; this driver (epoch 1, process {sleeper}" in said.read_text()
            )
        shutil.rmtree(runs)


SLEEPER = """
import os, signal, sys
from tests.store.small import Door

def sleep(number):
    kind, path = door.seen[number]
    if (kind, path.name) == ("write", "part-00001.parquet"):
        os.kill(os.getpid(), signal.SIGSTOP)

with Door(before=sleep).open() as door:
    from sfray.cli import app
    app(["run", *sys.argv[1:]])
"""


def test_a_paused_run_is_taken_over_and_says_so(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text("")
    asked = ["method=distillation", "steps=[attempts]", "task.sft.count=6", "task.rl.count=16", "task.eval.count=2"]
    asked += ["run.shard_questions=2", f"run.dir={tmp_path / 'runs'}", "run.name=r", f"teacher.path={answers}"]
    first = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, *asked],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        status = os.waitpid(first.pid, os.WUNTRACED)[1]
        assert os.WIFSTOPPED(status)
        config = load(asked)
        with pytest.raises(RunLocked, match=f"process {first.pid} on .* is working in this run"):
            pipeline.run(config)
        for lock in (tmp_path / "runs").rglob(".lock"):
            lock.unlink()  # what its message says to do when the node of that process is gone
        pipeline.run(config)
        finished = files(tmp_path / "runs")
        assert (tmp_path / "runs" / "r" / "attempts" / "manifest.json").exists()
        first.send_signal(signal.SIGCONT)
        printed = first.communicate()[0]
    finally:
        first.kill()
    assert first.returncode == REFUSED
    text = " ".join(printed.split())
    assert "TakenOver" in text
    assert f"teacher: process {os.getpid()} on {socket.gethostname()} (epoch 2, since " in text
    assert "There is nothing to do: what it had finished is kept" in text
    assert "Traceback" not in text
    assert files(tmp_path / "runs") == finished
