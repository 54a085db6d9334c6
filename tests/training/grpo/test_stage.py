import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sfray.errors import REFUSED, exit_status
from sfray.store.artifact import Artifact
from sfray.store.manifest import Manifest
from sfray.training.grpo import export, guard, metrics
from sfray.training.grpo import process as verl_process
from sfray.training.grpo import stage as grpo
from sfray.training.grpo.overrides import Paths
from tests.training.grpo import driver

ROOT = Path(__file__).parents[3]


def test_a_private_ray_instance_takes_nothing_of_the_job_around_it(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    config = driver.config(tmp_path, 2)
    private = grpo.child_environment(config, tmp_path / "steps.jsonl", private=True)
    assert not {"RAY_ADDRESS", "RAY_JOB_CONFIG_JSON_ENV_VAR"} & private.keys()
    assert private["PYTHONPATH"] == f"{ROOT}:/mine"
    assert private["VERL_FILE_LOGGER_PATH"] == str(tmp_path / "steps.jsonl")
    assert private["VERL_PLATFORM"] == "cpu"
    assert grpo.child_environment(config, tmp_path, private=False) == {
        **private,
        "VERL_FILE_LOGGER_PATH": str(tmp_path),
    }


def test_on_gpus_verl_joins_the_job_around_it(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    config = driver.config(tmp_path, 2)
    on_gpu = replace(config, engine=replace(config.engine, device="cuda"))
    joined = grpo.child_environment(on_gpu, tmp_path, private=False)
    assert joined["RAY_ADDRESS"] == "10.0.0.1:6379"
    assert "VERL_PLATFORM" not in joined
    assert "OMP_NUM_THREADS" not in joined.keys() - os.environ.keys()
    assert "RAY_ADDRESS" not in grpo.child_environment(on_gpu, tmp_path, private=True)


def test_on_the_cpu_of_several_nodes_verl_joins_the_job_around_it(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    joined = grpo.child_environment(driver.config(tmp_path, 2, nodes=2), tmp_path, private=False)
    assert (joined["RAY_ADDRESS"], joined["VERL_PLATFORM"]) == ("10.0.0.1:6379", "cpu")


@pytest.mark.parametrize(
    ("device", "alive", "room"),
    [
        ("cuda", [{"CPU": 8.0, "GPU": 4.0}, {"CPU": 8.0, "GPU": 4.0}], None),
        ("cuda", [{"CPU": 8.0, "GPU": 8.0}], None),
        ("cuda", [{"CPU": 8.0, "GPU": 4.0}, {"CPU": 8.0, "GPU": 3.0}], 1),  # a node's ranks are together
        ("cpu", [{"CPU": 8.0}, {"CPU": 8.0, "GPU": 4.0}], 1),
        ("cuda", [], 0),
    ],
)
def test_nodes_that_do_not_hold_the_ranks_are_waited_for_aloud(tmp_path, device, alive, room):
    config = driver.config(tmp_path, 2, nodes=2, ranks_per_node=4)
    said = grpo.shortage(replace(config, engine=replace(config.engine, device=device)), alive)
    assert said == (
        None
        if room is None
        else f"grpo: the nodes that are alive have room for {room} of grpo.nodes = 2 (grpo.ranks_per_node = 4 GPUs "
        "each): it goes on from the last checkpoint when others join"
    )


def test_each_launch_on_a_cluster_waits_for_room_and_leaves_it(tmp_path, monkeypatch):
    done = []

    class Watchdog:
        """Notes when it is made, and when it looks."""

        def __init__(self, *_):
            done.append("made")

        def look(self, now):
            done.append(f"look {now}")

    monkeypatch.setattr(grpo, "Watchdog", Watchdog)
    monkeypatch.setattr(grpo.cluster, "connect", lambda _: done.append("connect"))
    monkeypatch.setattr(grpo.cluster, "disconnect", lambda: done.append("disconnect"))
    monkeypatch.setattr(grpo.cluster.time, "sleep", lambda _: done.append("wait"))
    alive = [[{"GPU": 1.0}], [{"GPU": 1.0}, {"GPU": 1.0}]]
    monkeypatch.setattr(grpo.cluster, "nodes", lambda: alive.pop(0) if len(alive) > 1 else alive[0])
    config = driver.config(tmp_path, 2, nodes=2, ranks_per_node=1)
    config = replace(config, cluster=replace(config.cluster, address="head:6379", wait_minutes=1))
    output = Artifact(tmp_path, "grpo", {}, {})
    watchdog = grpo._await_nodes(config, output, None)
    assert done == ["connect", "made", "look True", "wait", "disconnect"]
    done.clear()
    assert grpo._await_nodes(config, output, watchdog) is watchdog
    assert done == ["connect", "look True", "disconnect"]
    alone = replace(config, grpo=replace(config.grpo, nodes=1))
    assert grpo._await_nodes(alone, output, None) is None


def test_success_without_the_last_checkpoint_is_refused(tmp_path):
    checkpoints = tmp_path / "checkpoints"
    (checkpoints / "global_step_1").mkdir(parents=True)
    (checkpoints / export.TRACKER).write_text("1")
    paths = Paths("model", tmp_path, tmp_path, checkpoints, tmp_path)
    with pytest.raises(grpo.GrpoError, match=r"last checkpoint is of step 1 of grpo\.steps = 2"):
        grpo._finished(driver.config(tmp_path, 2), tmp_path, paths)
    with pytest.raises(grpo.GrpoError, match=r"no record of step\(s\) \[1\] of 1"):
        grpo._finished(driver.config(tmp_path, 1), tmp_path, paths)


@pytest.mark.parametrize(
    ("reached", "allowed", "launches", "passes"),
    [
        ([3], 2, 1, True),
        ([1, 3], 2, 2, True),
        ([1, 2, 3], 2, 3, True),
        ([1, 2, 2], 2, 3, False),  # more often than grpo.max_failures
        ([1, 3], 0, 1, False),
        ([0, 3], 2, 1, False),  # not one step: no accident
        ([1, 1, 3], 2, 2, False),  # no further than before
    ],
)
def test_verl_is_started_again_while_it_gets_further(tmp_path, monkeypatch, reached, allowed, launches, passes):
    """``reached``: the last recorded step after each launch, of three; a checkpoint comes with each step."""
    done: list[int] = []

    def launch(*_):
        done.append(reached[len(done)])
        if done[-1] < 3:
            raise grpo.VerlFailed("verl ended with exit code -9")

    def step(*_):
        return done[-1] if done else 0

    monkeypatch.setattr(grpo, "_launch", launch)
    monkeypatch.setattr(grpo.metrics, "read", lambda _: [{"step": step()}])
    monkeypatch.setattr(grpo.export, "last_step", step)
    config = driver.config(tmp_path, 3)
    config = replace(config, grpo=replace(config.grpo, max_failures=allowed))
    paths = Paths("model", tmp_path, tmp_path, tmp_path, tmp_path)
    with nullcontext() if passes else pytest.raises(grpo.VerlFailed):
        grpo._train(config, Artifact(tmp_path, "grpo", {}, {}), paths, 4)
    assert len(done) == launches


def test_a_step_in_words():
    line = {"step": 1, "reward": 0.25, "response_length": 60.4, "seconds": 12.34, "validation_accuracy": 0.5}
    assert grpo.describe(line) == "reward 0.250  length 60  12.3 s  validation 0.500"


def test_waste_is_said_with_the_step():
    line = {"reward": 0.25, "response_length": 60.4, "seconds": 12.34, "padded": 0.125, "idle": 0.4}
    assert grpo.describe(line) == "reward 0.250  length 60  12.3 s  padded 12%  idle 40%"


def test_a_stop_by_the_guard_is_not_tried_again(tmp_path, monkeypatch):
    def stopped(command, environment, folder, limits, on_poll):
        with (folder / "verl.log").open("a") as log:
            log.write("RolloutMismatch: step 2: the probabilities differ by 0.3, grpo.guard_bound = 0.02\n")
        return guard.STOPPED

    monkeypatch.setattr(grpo.process, "run", stopped)
    config = driver.config(tmp_path, 3)
    paths = Paths("model", tmp_path, tmp_path, tmp_path / "checkpoints", tmp_path)
    stage = Artifact(tmp_path / "grpo", "grpo", {}, {})
    stage.open()
    with pytest.raises(grpo.RolloutStale, match=r"(?s)guard .* stopped verl\n  RolloutMismatch: step 2: .*Hint: Start"):
        grpo._train(config, stage, paths, 8)
    assert len(list((tmp_path / "grpo" / "steps").iterdir())) == 1
    assert exit_status(grpo.RolloutStale("")) == REFUSED == 2


def test_the_summary_compares_the_ends():
    rows = [{"step": i, "reward": float(i), "seconds": 2.0 * i} for i in range(1, 21)]
    assert grpo._summary(rows) == {"first_reward": 1.5, "last_reward": 19.5, "step_seconds": 22.0}


def start(folder, steps, **grpo_settings):
    command = [sys.executable, "-m", "tests.training.grpo.driver", str(folder), str(steps), json.dumps(grpo_settings)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(folder, steps):
    process = start(folder, steps)
    output, _ = process.communicate(timeout=840)
    assert process.returncode == 0, output[-3000:]
    manifest = Manifest.read(folder / "grpo" / "manifest.json")
    rows = [json.loads(line) for line in (folder / "grpo" / "metrics.jsonl").read_text().splitlines()]
    return manifest, rows


def command_line(process):
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []


@pytest.mark.engine
@pytest.mark.timeout(2400)
def test_a_verl_that_dies_is_started_again_from_its_last_checkpoint(tmp_path):
    process = start(tmp_path, 3)
    identity = verl_process.identify(tmp_path / "grpo")
    while not (tmp_path / "grpo" / "metrics.jsonl").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    (main,) = [p for p in verl_process.processes(identity) if "sfray.training.grpo.main" in command_line(p)]
    main.kill()
    output, _ = process.communicate(timeout=840)
    assert process.returncode == 0, output[-3000:]
    assert "starting verl again: 1 of 2" in output
    manifest = Manifest.read(tmp_path / "grpo" / "manifest.json")
    assert (manifest.counts["steps"], manifest.incidents) == (3, {"processes_restarted": 1})
    launches = sorted((tmp_path / "grpo" / "steps").iterdir())
    assert [int(p.name.split("-")[0]) > 0 for p in launches] == [False, True]
    assert list(verl_process.processes(identity)) == []


@pytest.mark.engine
@pytest.mark.timeout(2400)
def test_a_driver_that_is_asked_to_end_has_verl_save_and_leaves_nothing(tmp_path):
    folder = tmp_path / "grpo"
    process = start(tmp_path, 500, save_every=500)
    while not (folder / "metrics.jsonl").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    assert export.steps(folder / "checkpoints") == []
    process.terminate()
    output, _ = process.communicate(timeout=840)
    assert process.returncode == 128 + signal.SIGTERM, output[-3000:]
    (step,) = map(int, re.findall(r"grpo: step (\d+) of 500 is saved, [\d.]+ s after SIGTERM", output))
    assert export.last_step(folder / "checkpoints") == step > 0
    assert [line["step"] for line in metrics.read(folder)] == list(range(1, step + 1))
    assert list(verl_process.processes(verl_process.identify(folder))) == []
    assert not verl_process.ray_folder(folder).exists()
    assert not (folder / "stop").exists()


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A stage of three steps whose driver was killed after the first checkpoint."""
    folder = tmp_path_factory.mktemp("grpo")
    process = start(folder, 3)
    identity = verl_process.identify(folder / "grpo")
    while export.last_step(folder / "grpo" / "checkpoints") < 1:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.kill()
    process.wait()
    process.stdout.close()
    end = time.monotonic() + 150  # one of Ray's agents waits a minute for its lost head before it ends
    while left := list(verl_process.processes(identity)):
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    return folder, left


@pytest.mark.engine
@pytest.mark.timeout(2400)
def test_killed_resumed_and_extended(killed):
    folder, left = killed
    assert left == []  # nothing of verl or Ray outlives its driver
    resumed = export.last_step(folder / "grpo" / "checkpoints")
    manifest, rows = finish(folder, 3)
    # verl saves before it logs, and was killed as soon as it had saved: that record may be lost.
    assert {1, 2, 3} - {r["step"] for r in rows} <= {resumed}
    launches = sorted((folder / "grpo" / "steps").iterdir())
    assert [int(p.name.split("-")[0]) for p in launches] == [0, resumed]
    assert manifest.counts["steps"] == 3
    assert manifest.counts["rollouts"] == 3 * 4 * 2
    assert manifest.metrics["dtype"] == "float32"
    assert manifest.metrics["reward_probe"] == "passed"
    assert export.steps(folder / "grpo" / "checkpoints") == [2, 3]
    assert not export.unchanged(folder / "model", folder / "grpo" / "model")
    before = (folder / "grpo" / "model" / "model.safetensors").read_bytes()

    (folder / "grpo" / "manifest.json").unlink()
    manifest, rows = finish(folder, 4)
    assert [r["step"] for r in rows][-2:] == [3, 4]
    assert "validation_accuracy" in rows[-1]
    assert (folder / "grpo" / "model" / "model.safetensors").read_bytes() != before
    assert all(r["rollout_difference"] < 1e-5 for r in rows)  # the trained weights reach vLLM
    assert all(0 <= r["rollout_difference_mean"] < 1e-6 for r in rows)
    assert all(0 <= r["idle"] < 1 and 0 <= r["padded"] < 1 for r in rows)
    assert list(verl_process.processes(verl_process.identify(folder / "grpo"))) == []
    assert not verl_process.ray_folder(folder / "grpo").exists()

    (folder / "grpo" / "manifest.json").unlink()  # killed during the export: nothing is trained again
    finish(folder, 4)
    assert len(list((folder / "grpo" / "steps").iterdir())) == 3


@pytest.mark.engine
@pytest.mark.timeout(1200)
def test_rollouts_of_stale_weights_stop_a_run_that_compares_nothing_else(tmp_path):
    """In bypass mode, the entropy's gradient moving the actor; the rollout keeps the weights it began with."""
    settings = {"bypass": True, "guard_every": 1, "guard_bound": 1e-5, "entropy_coef": 1.0}
    extension = "actor_rollout_ref.rollout.engine_kwargs.vllm.worker_extension_cls"
    stale = f"{extension}=tests.training.grpo.stale.StaleWorkerExtension"
    process = start(tmp_path, 3, **settings, overrides=[stale])
    output, _ = process.communicate(timeout=1140)
    assert process.returncode == REFUSED, output[-3000:]
    said = " ".join(output.split())
    assert "RolloutMismatch: step 2: the probabilities of the rollout's tokens differ by" in said
    assert "more than grpo.guard_bound = 1e-05" in said
    (launch,) = (tmp_path / "grpo" / "steps").iterdir()  # it was not tried again
    (row,) = metrics.read(tmp_path / "grpo")
    assert (row["step"], launch.name.split("-")[0]) == (1, "000000")
    assert 0 <= row["rollout_difference_mean"] < 1e-6  # the weights it began with are the actor's
    assert not (tmp_path / "grpo" / "manifest.json").exists()
