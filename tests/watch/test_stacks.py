"""Stacks of another process, whatever it is at."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sfray.store.artifact import Artifact
from sfray.store.workers import Record, read
from sfray.watch.stacks import dump, end

HANGING = """
import sys, time
from pathlib import Path
from sfray.store.artifact import Artifact
from sfray.watch.worker import join

def hang():
    time.sleep(600)

journal = join(Artifact(Path(sys.argv[1]), "sample", {}, {}))
journal.begin(4)
journal.beat()
hang()
"""


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Record]:
    """A worker that hangs."""
    process = subprocess.Popen([sys.executable, "-c", HANGING, str(tmp_path)])
    while not (found := read(tmp_path)) or not found[0].busy:
        assert process.poll() is None
        time.sleep(0.02)
    assert found[0].who.process == process.pid
    yield found[0]
    process.kill()
    process.wait()


def test_a_worker_says_who_it_is(hanging: Record) -> None:
    assert (hanging.who.kind, hanging.who.slot, hanging.who.epoch, hanging.who.node) == ("actor", "worker", 0, "")
    assert hanging.shards == (4,)


def test_the_stacks_of_a_worker_say_where_it_hangs(hanging: Record) -> None:
    said = dump(hanging.who.process, hanging.who.began, hanging.who.stacks)
    assert said is not None
    assert re.match("state: sleeping\n(Current t|T)hread 0x", said)  # current: it holds the interpreter's lock
    assert "in hang\n" in said


def test_a_process_that_is_stopped_goes_on_to_answer(hanging: Record) -> None:
    os.kill(hanging.who.process, signal.SIGSTOP)
    while psutil.Process(hanging.who.process).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    said = dump(hanging.who.process, hanging.who.began, hanging.who.stacks)
    assert said is not None
    assert re.match("state: stopped\n(Current t|T)hread 0x", said)
    assert "in hang\n" in said


def test_a_process_that_took_a_dead_ones_number_is_left_alone(hanging: Record) -> None:
    earlier = psutil.Process(hanging.who.process).create_time() - 1
    assert dump(hanging.who.process, earlier, hanging.who.stacks) is None
    end(hanging.who.process, earlier)
    assert psutil.Process(hanging.who.process).is_running()


def test_a_process_that_is_gone_has_no_stacks(hanging: Record) -> None:
    end(hanging.who.process, hanging.who.began)
    psutil.wait_procs([psutil.Process(hanging.who.process)], timeout=10)
    assert dump(hanging.who.process, hanging.who.began, hanging.who.stacks) is None
    end(hanging.who.process, hanging.who.began)


def test_no_file_is_left_beside_the_work(hanging: Record, tmp_path: Path) -> None:
    dump(hanging.who.process, hanging.who.began, hanging.who.stacks)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [f"{hanging.name}.jsonl"]


def test_artifacts_without_a_driver_are_of_no_epoch(tmp_path: Path) -> None:
    assert Artifact(tmp_path, "sample", {}, {}).epoch == 0
