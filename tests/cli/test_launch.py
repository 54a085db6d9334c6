"""Runs and sweeps from the command line: the same by both doors, and a failed job ends only itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sfray.cli.launch import name_in_sweep, split_config_dir
from sfray.config.validation import ConfigError

ROOT = Path(__file__).parents[2]
DOORS = {"launch.py": [str(ROOT / "launch.py")], "sfray run": ["-m", "sfray.cli", "run"]}
CHEAP = ["steps=[questions]", "task.sft.count=16", "task.rl.count=16", "task.eval.count=16"]

each_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


def call(door: list[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Calls one of the doors in a folder."""
    command = [sys.executable, *door, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def manifests(folder: Path) -> set[str]:
    """The runs below a folder whose questions are done."""
    return {p.parents[1].relative_to(folder).as_posix() for p in folder.rglob("questions/manifest.json")}


@each_door
def test_a_failed_job_does_not_end_the_sweep(door: list[str], tmp_path: Path) -> None:
    sweep = ["-m", "run.name=a,b", "task.name=cuntdown,countdown", "run.dir=${task.name}"]
    done = call(door, tmp_path, *sweep, *CHEAP)
    assert done.returncode == 1
    assert manifests(tmp_path) == {"countdown/a", "countdown/b"}
    assert done.stderr.count("task.name: no task 'cuntdown'; did you mean 'countdown'?") == 2
    title, *failed = done.stderr.splitlines()[-3:]
    assert title == "These jobs of the sweep failed; the others ran:"
    assert [line.split()[:2] for line in failed] == [
        ["run.name=a", "task.name=cuntdown"],
        ["run.name=b", "task.name=cuntdown"],
    ]


@each_door
def test_a_sweep_without_a_failure_ends_well(door: list[str], tmp_path: Path) -> None:
    done = call(door, tmp_path, "-m", "run.name=a,b", *CHEAP)
    assert (done.returncode, done.stderr) == (0, "")
    assert manifests(tmp_path) == {"runs/a", "runs/b"}


def test_runs_of_a_sweep_are_named_by_what_sets_them_apart(tmp_path: Path) -> None:
    done = call(DOORS["launch.py"], tmp_path, "-m", "method=skillfactory,rl_only", "run.seed=0,1", *CHEAP)
    assert (done.returncode, done.stderr) == (0, "")
    names = [f"runs/quickstart-{method}-seed{seed}" for method in ("skillfactory", "rl_only") for seed in (0, 1)]
    assert manifests(tmp_path) == set(names) | {p for p in manifests(tmp_path) if p.startswith("runs/artifacts/")}
    assert len({(tmp_path / name / "questions").resolve() for name in names}) == 2


@pytest.mark.parametrize(
    ("job", "arguments", "name"),
    [
        (["run.seed=1"], ["-m", "run.seed=0,1"], "x-seed1"),
        (["method=star", "sft.lr=1e-3"], ["method=star", "-m", "sft.lr=1e-3,3e-3"], "x-lr1e-3"),
        (["method=star", "trace.variants=[plan,plain]"], ["-m", "method=star", "trace.variants=[plan],[plan,plain]"],
         "x-variants_plan_plain"),
        (["+model=paper/a"], ["-m", "+model=paper/a,paper/b"], "x-modelpaper_a"),
    ],
)  # fmt: skip
def test_a_name_in_a_sweep(job: list[str], arguments: list[str], name: str) -> None:
    assert name_in_sweep("x", job, arguments) == name


@each_door
def test_a_failed_run_ends_with_one_message(door: list[str], tmp_path: Path) -> None:
    done = call(door, tmp_path, "task.name=cuntdown", *CHEAP)
    assert done.returncode == 2
    assert done.stderr == "ConfigError\ntask.name: no task 'cuntdown'; did you mean 'countdown'?\n"
    assert manifests(tmp_path) == set()


@pytest.mark.parametrize(
    ("arguments", "rest"),
    [
        (["--config-dir", "mine", "run.name=a"], ["run.name=a"]),
        (["-m", "--config-dir=mine", "run.seed=0,1"], ["-m", "run.seed=0,1"]),
        (["run.name=a", "-cd", "mine"], ["run.name=a"]),
    ],
)
def test_a_config_folder_is_taken_off_the_command_line(
    arguments: list[str], rest: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert split_config_dir(arguments) == (tmp_path / "mine", rest)


def test_without_a_config_folder_the_command_line_stays() -> None:
    assert split_config_dir(["-m", "a=1"]) == (None, ["-m", "a=1"])


@pytest.mark.parametrize(("arguments", "name"), [(["--config-dir", "nowhere"], "nowhere"), (["-cd"], "")])
def test_a_missing_config_folder_is_named(arguments: list[str], name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^--config-dir: no folder '{name}'$"):
        split_config_dir(arguments)


@each_door
def test_a_folder_of_ones_own_comes_first(door: list[str], tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "quality").mkdir(parents=True)
    (own / "quality" / "default.yaml").write_text("min_accuracy: 0.25\n")
    done = call(door, tmp_path, "--config-dir", "own", "--cfg", "job")
    assert done.returncode == 0, done.stderr
    shown = yaml.safe_load(done.stdout)
    assert shown["quality"]["min_accuracy"] == 0.25
    assert shown["run"]["name"] == "quickstart"


@each_door
def test_a_wrong_key_is_named(door: list[str], tmp_path: Path) -> None:
    done = call(door, tmp_path, "sampel.n=4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ConfigError\nsampel.n: no such key; did you mean sample.n")
    assert list(tmp_path.iterdir()) == []


def test_the_entry_stays_short() -> None:
    assert len((ROOT / "launch.py").read_text(encoding="utf-8").splitlines()) <= 40
