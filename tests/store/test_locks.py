"""One driver per run."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sfray.store.locks import RunLocked, hold

ROOT = Path(__file__).parents[1]
HOLDER = """
import sys, time
from pathlib import Path
from sfray.store.locks import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_two_drivers(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "a"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(run)], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        for _ in range(2):  # knocking does not wipe the holder's name
            with pytest.raises(RunLocked) as caught, hold(run):
                raise AssertionError("both are in")
            assert str(caught.value) == (
                f"{run}: process {holder.pid} on {socket.gethostname()} is working in this run. "
                "Wait for it, stop it, or choose another run.name. "
                f"If that node is gone for good, delete {run / '.lock'} and start again"
            )
        with hold(tmp_path / "runs" / "b"):
            assert (tmp_path / "runs" / "b" / ".lock").is_file()
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with hold(run):  # the dead hold nothing
        assert (run / ".lock").read_text() == f"process {os.getpid()} on {socket.gethostname()}"


def test_released_at_the_end_and_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(tmp_path):
        raise ZeroDivisionError
    with hold(tmp_path), pytest.raises(RunLocked), hold(tmp_path):
        raise AssertionError("both are in")
    with hold(tmp_path):
        assert True


def test_children_do_not_inherit_it(tmp_path: Path) -> None:
    with hold(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with hold(tmp_path):
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def _failing(code: int) -> object:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return flock


def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fcntl, "flock", _failing(errno.ENOLCK))
    with caplog.at_level(logging.WARNING), hold(tmp_path):
        assert caplog.messages == [
            f"{tmp_path}: no file locks here ([Errno {errno.ENOLCK}] No locks available); start one driver only"
        ]


def test_other_errors_are_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", _failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"), hold(tmp_path):
        raise AssertionError("held after an error")
