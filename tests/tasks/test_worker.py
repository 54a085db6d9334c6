"""The bounded worker: bounds on processor time and memory, failures, restarts, threads and forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from sfray.tasks.worker import Worker, WorkerFailure, WorkerTimeout

HERE = "tests.tasks.test_worker"


def echo(value: object) -> object:
    print("noise that must not reach the protocol")
    return value


def spin(value: object) -> object:
    while True:
        pass


def power(value: int) -> int:
    return 9 ** (9**value) % 10


def hoard(value: int) -> int:
    # bytes() of a size is calloc: it counts as address space at once, but touches no page, so the bound on
    # memory is met in milliseconds on any machine. A bytearray writes its zeros: 4 GiB of them can use up
    # the processor time first.
    return len([bytes(1 << 28) for _ in range(value)])


def fail(value: object) -> object:
    raise KeyError(value)


def sleep(value: float) -> float:
    time.sleep(value)
    return value


@pytest.fixture
def worker():
    made: list[Worker] = []

    def make(name: str, **bounds: float) -> Worker:
        made.append(Worker(f"{HERE}:{name}", **bounds))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_it_answers_again_and_again(worker) -> None:
    echoing = worker("echo")
    values = [None, 1, "é\n", [1, {"a": 2.5}], "x" * 1_000_000]
    assert [echoing.call({"value": v}) for v in values] == values


def test_processor_time_is_bounded_and_the_worker_replaced(worker) -> None:
    for name, value in (("spin", 0), ("power", 10)):
        bounded = worker(name, cpu_seconds=1)
        with pytest.raises(WorkerTimeout, match="over 1 s of processor time"):
            bounded.call({"value": value})
    assert bounded.call({"value": 1}) == 9**9 % 10


def test_time_asleep_is_bounded_by_the_backstop(worker) -> None:
    sleeping = worker("sleep", wall_seconds=5.0)
    assert sleeping.call({"value": 0.01}) == 0.01
    started = time.monotonic()
    with pytest.raises(WorkerTimeout, match="no reply within 5 s"):
        sleeping.call({"value": 60})
    assert time.monotonic() - started < 40
    assert sleeping.call({"value": 0.02}) == 0.02


def test_memory_is_bounded(worker) -> None:
    hoarding = worker("hoard")
    with pytest.raises(WorkerTimeout, match="memory"):
        hoarding.call({"value": 64})
    assert hoarding.call({"value": 1}) == 1


def test_a_failure_says_what_was_raised(worker) -> None:
    failing = worker("fail")
    with pytest.raises(WorkerFailure, match="KeyError: 'here'"):
        failing.call({"value": "here"})


def test_a_worker_killed_from_outside_is_replaced(worker) -> None:
    echoing = worker("echo")
    assert echoing.call({"value": 1}) == 1
    os.kill(echoing._process.pid, signal.SIGKILL)
    echoing._process.wait()
    assert echoing.call({"value": 2}) == 2


def test_threads_share_it(worker) -> None:
    echoing, results = worker("echo"), {}
    threads = [threading.Thread(target=lambda i=i: results.update({i: echoing.call({"value": i})})) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: i for i in range(16)}


def test_a_missing_function_is_said(worker) -> None:
    with pytest.raises(RuntimeError, match="has no attribute 'nothing'"):
        worker("nothing").call({"value": 1})


def test_a_function_that_never_finishes_importing_is_given_up(tmp_path, monkeypatch) -> None:
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.syspath_prepend(tmp_path)
    stuck = Worker("endless:function", wall_seconds=1.0)
    with pytest.raises(RuntimeError, match="no worker for endless:function"):
        stuck.call({})


def test_an_interrupted_call_leaves_no_late_reply(worker) -> None:
    sleeping = worker("sleep")
    sleeping.call({"value": 0})

    def interrupt(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(InterruptedError):
            sleeping.call({"value": 1.5})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert sleeping.call({"value": 0.01}) == 0.01


SCRIPT = """
import os, sys
from sfray.tasks.worker import call
assert call("tests.tasks.test_worker:echo", {"value": 1}) == 1
child = os.fork()
mine = call("tests.tasks.test_worker:echo", {"value": child})
if child == 0:
    assert mine == 0
    os._exit(0)
assert mine == child and os.waitpid(child, 0)[1] == 0
"""


def test_a_fork_has_a_worker_of_its_own_and_none_outlives_its_caller() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def printed(folder: Path, *arguments: str, python_path: str = "") -> str:
    """What a Python prints that is started in a folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": python_path},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_modules_beside_the_script_do_not_stand_in_for_the_standard_library(tmp_path) -> None:
    for name in ("re", "json", "site", "signal", "typing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not the one that is meant')\n")
    # The folder is put on the path late: what the script itself imports is not what is tested.
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from sfray.tasks.worker import call\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        'print(call("sfray.tasks.equality:compare", {"gold": "\\\\sqrt{4}", "answer": "2"}))\n'
    )
    assert printed(tmp_path, "-P", "script.py") == "equal\n"


DOUBLE = 'from sfray.tasks.worker import call; print(call("mine:double", {"value": 21}))'


def test_a_module_beside_the_script_is_found(tmp_path) -> None:
    (tmp_path / "mine.py").write_text("def double(value): return 2 * value\n")
    (tmp_path / "script.py").write_text(DOUBLE)
    assert printed(tmp_path, "script.py") == "42\n"
    assert printed(tmp_path, "-c", DOUBLE) == "42\n"


def test_a_module_on_the_path_of_the_environment_is_found(tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.py").write_text("def double(value): return 2 * value\n")
    assert printed(tmp_path, "-P", "-c", DOUBLE, python_path="elsewhere") == "42\n"


def test_the_worker_has_its_callers_own_package(tmp_path) -> None:
    """Also from an archive on the path, as a Ray job may bring it, beside another that is installed."""
    package, job = Path(sys.modules[Worker.__module__].__file__).parents[1], tmp_path / "job.zip"
    with zipfile.ZipFile(job, "w") as archive:
        for part in ("__init__.py", "tasks/__init__.py", "tasks/worker.py"):
            archive.write(package / part, f"sfray/{part}")
        archive.writestr("sfray/tasks/probe.py", "def where(): return __file__\n")
    asked = 'from sfray.tasks.worker import call; print(call("sfray.tasks.probe:where", {}))'
    assert printed(tmp_path, "-c", asked, python_path=str(job)) == f"{job}/sfray/tasks/probe.py\n"
