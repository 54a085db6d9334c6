import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sfray.io.operations import allow, guard
from sfray.training.grpo import process
from sfray.training.grpo.process import (
    MARKER,
    PARENT,
    GrpoStopped,
    Limits,
    end_leftovers,
    identify,
    processes,
    ray_folder,
    run,
    weight_buffers,
)

PATIENT = Limits(total=60, silence=60, poll=0.02)

# A child that has a child of its own in another session, as Ray does, and then hangs.
HANG = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("hanging", flush=True)
time.sleep(600)
"""

BUFFER = """
import mmap, sys, time
with open(sys.argv[1], "w+b") as file:
    file.truncate(4096)
    held = mmap.mmap(file.fileno(), 4096)
    print("mapped", flush=True)
    time.sleep(600)
"""


def python(code, *arguments):
    return [sys.executable, "-c", code, *arguments]


def living(folder):
    return [p.pid for p in processes(identify(folder))]


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_the_exit_code_and_the_output_are_kept(tmp_path):
    polls = []
    code = run(python("print('hello'); raise SystemExit(3)"), os.environ, tmp_path, PATIENT, lambda: polls.append(1))
    assert code == 3
    assert (tmp_path / "verl.log").read_text() == "hello\n"
    assert polls


def test_the_log_of_an_earlier_launch_is_kept(tmp_path):
    for word in ("one", "two"):
        assert run(python(f"print('{word}')"), os.environ, tmp_path, PATIENT, lambda: None) == 0
    assert (tmp_path / "verl.log").read_text() == "one\ntwo\n"


def test_the_time_limit_ends_the_whole_family(tmp_path):
    with pytest.raises(GrpoStopped, match=r"grpo\.timeout_minutes = 0\.02"):
        run(python(HANG), os.environ, tmp_path, Limits(total=1.2, silence=60, poll=0.05), lambda: None)
    assert living(tmp_path) == []


def test_silence_ends_the_whole_family(tmp_path):
    with pytest.raises(GrpoStopped, match=r"wrote nothing for engine\.timeout_minutes = 0\.1"):
        run(python(HANG), os.environ, tmp_path, Limits(total=120, silence=6, poll=0.05), lambda: None)
    assert (tmp_path / "verl.log").read_text() == "hanging\n"
    assert living(tmp_path) == []


def test_a_process_that_is_stopped_for_silence_writes_its_stacks_into_the_log(tmp_path):
    hang = """
import faulthandler, signal, time
faulthandler.register(signal.SIGUSR1)

def hang():
    print("hanging", flush=True)
    time.sleep(600)

hang()
"""
    with pytest.raises(GrpoStopped, match="wrote nothing"):
        run(python(hang), os.environ, tmp_path, Limits(total=120, silence=4, poll=0.05), lambda: None)
    first, *stacks = (tmp_path / "verl.log").read_text().splitlines()
    assert first == "hanging"
    assert [line for line in stacks if line.endswith("in hang")]


def test_a_child_that_writes_is_not_silent(tmp_path):
    talk = "import time\nfor _ in range(14):\n    print('.', flush=True); time.sleep(0.5)"
    assert run(python(talk), os.environ, tmp_path, Limits(total=120, silence=6, poll=0.05), lambda: None) == 0


def test_a_driver_that_was_taken_over_ends_only_what_it_started(tmp_path):
    theirs = []

    def taken_over():
        raise RuntimeError("epoch 2")

    def look():
        if not theirs and (tmp_path / "verl.log").read_text():
            carried = {MARKER: identify(tmp_path), PARENT: "1"}
            theirs.append(subprocess.Popen(python("import time; time.sleep(600)"), env={**os.environ, **carried}))
            guard(tmp_path, taken_over)
        allow(tmp_path)

    try:
        with pytest.raises(RuntimeError, match="epoch 2"):
            run(python(HANG), os.environ, tmp_path, PATIENT, look)
        assert living(tmp_path) == [theirs[0].pid]
    finally:
        guard(tmp_path, None)
        assert end_leftovers(tmp_path) == [theirs[0].pid]
        theirs[0].wait()


def test_an_error_in_the_look_ends_the_family(tmp_path):
    def look():
        raise KeyError("broken")

    with pytest.raises(KeyError):
        run(python(HANG), os.environ, tmp_path, PATIENT, look)
    assert living(tmp_path) == []


def test_descendants_that_outlive_a_good_end_are_killed(tmp_path):
    orphan = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    assert run(python(orphan), os.environ, tmp_path, PATIENT, lambda: None) == 0
    assert living(tmp_path) == []


def test_semaphores_of_what_is_killed_are_removed(tmp_path):
    holder = (
        "import multiprocessing as mp, time\n"
        "lock = mp.get_context('spawn').Lock()\n"
        "print(lock._semlock.name, flush=True); time.sleep(600)"
    )
    names = []

    def look():
        if name := (tmp_path / "verl.log").read_text().strip():
            names.append(Path("/dev/shm", f"sem.{name.removeprefix('/')}"))
            assert names[-1].exists()
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        run(python(holder), os.environ, tmp_path, PATIENT, look)
    assert living(tmp_path) == []
    assert not names[-1].exists()


def test_shared_memory_of_processes_that_died_is_removed_unless_others_use_it(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_LOOK_SECONDS", 0.05)
    mine, shared = (Path(f"/dev/shm/sfraytest{os.getpid()}{i}") for i in range(2))
    dies = BUFFER.replace("time.sleep(600)", "time.sleep(1)")
    both = (
        f"import subprocess\nfor p in {[str(mine), str(shared)]}:\n  subprocess.Popen([sys.executable, '-c', code, p])"
    )
    other = subprocess.Popen(python(BUFFER, str(shared)), stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"mapped\n"
        code = f"import sys, time\ncode = {dies!r}\n{both}\ntime.sleep(2)"
        assert run(python(code), os.environ, tmp_path, PATIENT, lambda: None) == 0
        assert [path.exists() for path in (mine, shared)] == [False, True]
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
        for path in (mine, shared):
            path.unlink(missing_ok=True)


def test_a_new_run_kills_what_a_dead_driver_left(tmp_path):
    left = subprocess.Popen(python("import time; time.sleep(600)"), env={**os.environ, MARKER: identify(tmp_path)})
    other = subprocess.Popen(python("import time; time.sleep(600)"), env={**os.environ, MARKER: "another run"})
    ray_folder(tmp_path).mkdir()
    (ray_folder(tmp_path) / "session").write_text("")
    wait_for(lambda: left.pid in living(tmp_path))
    try:
        assert end_leftovers(tmp_path) == [left.pid]
        left.wait(10)
        assert living(tmp_path) == []
        assert other.poll() is None
        assert not ray_folder(tmp_path).exists()
    finally:
        other.kill()
        other.wait()


def dead(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_killing_the_driver_kills_the_child(tmp_path):
    """kill -9 of the driver: the child asked the kernel to die with it."""
    root = Path(__file__).parents[3]
    child = (
        "import os, time; from sfray.training.grpo.main import die_with_parent as d; d(int(os.environ['SFRAY_PARENT']))"
    )
    driver = (
        "import os, sys; from pathlib import Path; from sfray.training.grpo.process import run, Limits\n"
        f"code = {child!r} + \"; print('ready', flush=True); time.sleep(600)\"\n"
        "run([sys.executable, '-c', code], os.environ, Path(sys.argv[1]), Limits(60, 60, 0.02), lambda: None)"
    )
    process = subprocess.Popen(python(driver, str(tmp_path)), env={**os.environ, "PYTHONPATH": str(root)})
    log = tmp_path / "verl.log"
    wait_for(lambda: log.exists() and log.read_text() == "ready\n")
    (child_pid,) = living(tmp_path)
    process.kill()
    process.wait()
    wait_for(lambda: dead(child_pid))
    assert child_pid not in living(tmp_path)


def test_buffers_of_this_run_and_of_nobody_are_removed_but_not_those_of_others(tmp_path):
    mine, others, nobodys = (Path(f"/dev/shm/verl_weights_sfraytest{os.getpid()}{i}") for i in range(3))
    nobodys.write_bytes(b"x")
    holders = [
        subprocess.Popen(python(BUFFER, str(path)), env={**os.environ, MARKER: identity}, stdout=subprocess.PIPE)
        for path, identity in ((mine, identify(tmp_path)), (others, "another run"))
    ]
    try:
        for holder in holders:
            assert holder.stdout.readline() == b"mapped\n"
        found = weight_buffers(identify(tmp_path))
        assert {mine, nobodys} <= set(found)
        assert others not in found
        end_leftovers(tmp_path)
        assert [p.exists() for p in (mine, others, nobodys)] == [False, True, False]
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
            holder.stdout.close()
        for path in (mine, others, nobodys):
            path.unlink(missing_ok=True)


def test_rays_folder_is_short_and_belongs_to_one_run(tmp_path):
    assert ray_folder(tmp_path) == ray_folder(tmp_path)
    assert ray_folder(tmp_path) != ray_folder(tmp_path / "other")
    # Ray adds up to 70 characters for its sockets; 107 are the limit.
    assert len(ray_folder(tmp_path).name) == len("sfray-") + 8
