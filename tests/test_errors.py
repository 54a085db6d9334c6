"""Known errors end with a message, unknown ones with a traceback."""

import os
import signal
import threading
import time

import pytest

from sfray.cluster import NoCluster
from sfray.config.validation import ConfigError
from sfray.errors import (
    FAILED,
    REFUSED,
    TRY_AGAIN,
    Terminated,
    exit_status,
    interruptible,
    reported,
    unwind_on_sigterm,
    with_causes,
)
from sfray.io.files import replacing
from sfray.prompts import load
from sfray.store.locks import RunLocked


def test_an_error_that_sfray_raised_ends_with_its_message(capsys):
    with pytest.raises(SystemExit) as caught, reported():
        load("no/such/file.yaml")
    assert caught.value.code == REFUSED == 2
    assert capsys.readouterr().err == "ValueError\nprompts: no file 'no/such/file.yaml'\n"


def test_an_error_from_elsewhere_keeps_its_traceback():
    with pytest.raises(ValueError, match="invalid literal"), reported():
        int("x")


def test_nothing_happens_without_an_error(capsys):
    with reported():
        pass
    assert capsys.readouterr() == ("", "")


def test_a_path_that_the_system_refuses_ends_with_its_message(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit), reported(), replacing(tmp_path / "file" / "below"):
        pass
    assert capsys.readouterr().err == f"FileExistsError\n[Errno 17] File exists: '{tmp_path}/file'\n"


def test_the_causes_of_an_error_are_shown_once_each():
    error = ValueError("it failed")
    error.__cause__ = RuntimeError("it failed")
    error.__cause__.__cause__ = KeyError()
    assert with_causes(error) == "it failed; because: KeyError"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError(["sampel.n: no such key"]), REFUSED),
        (ValueError("prompts: no file"), REFUSED),
        (RuntimeError("a worker died"), FAILED),
        (OSError("no space left"), FAILED),
        (NoCluster("nothing answers"), TRY_AGAIN),
        (RunLocked("another driver"), TRY_AGAIN),
    ],
)
def test_the_exit_status_says_whether_another_try_may_help(error, status):
    assert exit_status(error) == status
    assert (FAILED, REFUSED, TRY_AGAIN) == (1, 2, 75)


@pytest.mark.parametrize(
    ("interrupt", "name", "status"), [(KeyboardInterrupt, "SIGINT", 130), (Terminated, "SIGTERM", 143)]
)
def test_an_interrupt_ends_with_the_status_of_its_signal(interrupt, name, status, capsys):
    with pytest.raises(SystemExit) as caught, interruptible():
        raise interrupt
    assert caught.value.code == status
    assert capsys.readouterr().err == f"ended by {name}; the same command goes on from what is done\n"


def test_sigterm_unwinds_the_main_thread():
    cleaned: list[str] = []

    def interrupted() -> None:
        """Is sent SIGTERM in the middle of its work."""
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
        finally:
            cleaned.append("done")

    before = signal.getsignal(signal.SIGTERM)
    try:
        unwind_on_sigterm()
        with pytest.raises(Terminated):
            interrupted()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert cleaned == ["done"]


def test_another_thread_leaves_the_handler_alone():
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=unwind_on_sigterm)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
