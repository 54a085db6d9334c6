"""A signal asks the workers to save; the next one, or the end of the grace period, ends the driver."""

import os
import signal
import threading
import time

import pytest

from sfray.errors import Terminated
from sfray.training.stopping import FILE, requested, stoppable


def send(number):
    """Sends this process a signal; its handler has run when this returns."""
    os.kill(os.getpid(), number)


def test_nothing_is_asked_without_a_signal(tmp_path, capsys):
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)]
    with stoppable(tmp_path, "sft", 60) as stop:
        stop.stepped = True
        stop.look()
        assert (tmp_path / FILE).read_bytes() == b""
        assert not requested(tmp_path)
        stop.ended(5, 5)
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)] == before
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    assert not requested(tmp_path)  # of a worker that outlives its driver


def driven(folder, act, grace=60, stepped=True):
    """Trains, and does ``act`` meanwhile, which must end the training; what it ended with."""
    with pytest.raises(KeyboardInterrupt) as raised:
        _train(folder, act, grace, stepped)
    assert not (folder / FILE).exists()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    return type(raised.value)


def _train(folder, act, grace, stepped):
    with stoppable(folder, "sft", grace) as stop:
        stop.stepped = stepped
        act(stop)


LOST = "; the steps since the last checkpoint are lost"


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)])
def test_the_workers_are_asked_once_and_what_they_saved_is_said(tmp_path, capsys, number, kind):
    def act(stop):
        send(number)
        assert not requested(tmp_path)  # the handler itself touches no file
        stop.look()
        stop.look()
        assert requested(tmp_path)
        assert (tmp_path / FILE).read_text() == number.name
        stop.since -= 7200
        stop.ended(37, 120)

    assert driven(tmp_path, act) is kind
    limit = "within cluster.grace_seconds = 60; another signal ends it at once"
    assert capsys.readouterr().out.splitlines() == [
        f"sft: {number.name}: saves after this step, {limit}",
        f"sft: step 37 of 120 is saved, 2:00 h after {number.name}",
    ]


@pytest.mark.parametrize(("stepped", "grace"), [(False, 60), (True, 0)])
def test_without_anything_to_save_or_time_for_it_the_first_signal_ends(tmp_path, capsys, stepped, grace):
    assert driven(tmp_path, lambda _: send(signal.SIGTERM), grace, stepped) is Terminated
    assert capsys.readouterr().out == ""


def test_the_second_signal_ends(tmp_path, capsys):
    def act(stop):
        send(signal.SIGTERM)
        stop.since -= 7200
        send(signal.SIGINT)

    assert driven(tmp_path, act) is KeyboardInterrupt
    assert capsys.readouterr().out == f"sft: ended without saving, 2:00 h after SIGTERM{LOST}\n"


def test_the_end_of_the_grace_period_ends(tmp_path, capsys):
    def act(stop):
        send(signal.SIGTERM)
        stop.since -= 7200
        time.sleep(60)

    assert driven(tmp_path, act, grace=0.1) is Terminated
    assert capsys.readouterr().out == f"sft: ended without saving, 2:00 h after SIGTERM{LOST}\n"


def test_workers_that_fail_after_the_signal_save_nothing(tmp_path, capsys):
    def act(stop):
        send(signal.SIGTERM)
        stop.since -= 7200
        stop.ended(None, 120)

    assert driven(tmp_path, act) is Terminated
    assert capsys.readouterr().out == f"sft: ended without saving, 2:00 h after SIGTERM{LOST}\n"


def test_a_request_of_an_earlier_driver_is_forgotten(tmp_path):
    (tmp_path / FILE).write_text("SIGTERM")
    with stoppable(tmp_path, "sft", 60):
        assert not requested(tmp_path)


def test_another_thread_leaves_signals_alone(tmp_path):
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with stoppable(tmp_path, "sft", 60):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
