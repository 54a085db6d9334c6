"""The package in ``examples/``: found by name from any folder and in every process, without being installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sfray import prompts
from sfray.config import SplitConfig, TaskConfig, TraceConfig
from sfray.records import Attempt, Question, Reflection
from sfray.tasks.registry import build, family, problems, verify
from sfray.traces.build import Workshop, build_shard

ROOT = Path(__file__).parents[1]
LAB = ROOT / "examples" / "my_lab"
TASK, RECIPE, WORDS = "my_lab.tasks:Addition", "my_lab.recipes:MISTAKES_FIRST", "my_lab:prompts.yaml"
LEVELS = ["2", "3", "4"]


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts the package on the path of this process, and takes it out again."""
    monkeypatch.syspath_prepend(str(LAB))
    yield
    family.cache_clear()
    for name in [n for n in sys.modules if n.partition(".")[0] == "my_lab"]:
        del sys.modules[name]


def sfray(folder: Path, *arguments: str, path: str = f"{ROOT}{os.pathsep}{LAB}") -> subprocess.CompletedProcess[str]:
    """The command as a user's shell would start it in a folder."""
    command = [sys.executable, "-P", "-m", "sfray.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def questions(split: str = "sft", count: int = 12) -> list[Question]:
    """Questions of the example's task."""
    return [q for q in build(TASK).questions(split, SplitConfig(LEVELS, count), 0) if isinstance(q, Question)]


def test_the_task_asks_questions_that_can_be_answered_and_splits_share_none() -> None:
    split = SplitConfig(LEVELS, 12)
    assert list(problems(TaskConfig(TASK, {}, split, split, split))) == []
    asked = [q for split in ("sft", "rl", "eval") for q in questions(split)]
    assert len({tuple(sorted(json.loads(q.gold)["terms"])) for q in asked}) == len(asked) == 36
    for question in asked:
        assert question.task == TASK
        assert question.answer == str(sum(json.loads(question.gold)["terms"]))
        assert verify(TASK, question.gold, f"<answer>{question.answer}</answer>").correct
        assert verify(TASK, question.gold, f"<answer>{question.answer}1</answer>").reason == "wrong_value"
        assert verify(TASK, question.gold, "<answer>many</answer>").reason == "bad_syntax"


def test_the_task_refuses_bad_options() -> None:
    assert list(problems(TaskConfig(TASK, {"largest": 0}))) == ["task.options.largest: 0 must be 1 or more"]
    assert list(problems(TaskConfig(TASK, {"larges": 5}))) == [
        f"task.options.larges: {TASK} has no such option; did you mean task.options.largest?"
    ]


def attempted(question: Question, sample: int, correct: bool) -> tuple[Attempt, Reflection]:
    """An attempt at a question and a reflection that judges it as the verifier does."""
    answer = str(sum(json.loads(question.gold)["terms"]) + (0 if correct else sample + 1))
    text = f"I add. <answer>{answer}</answer>"
    outcome = verify(question.task, question.gold, text)
    attempt = Attempt(
        id=f"{question.id}/plain/{sample}",
        question_id=question.id,
        variant="plain",
        sample=sample,
        hinted=False,
        text=text,
        tokens=4,
        finish="stop",
        correct=outcome.correct,
        reason=outcome.reason,
        answer=outcome.answer,
    )
    verdict = "Correct" if correct else "Incorrect"
    said = f"Again. <verdict>{verdict}</verdict>"
    return attempt, Reflection(
        id=f"{attempt.id}/r0",
        attempt_id=attempt.id,
        question_id=question.id,
        sample=0,
        text=said,
        tokens=3,
        finish="stop",
        verdict=verdict,
        valid=True,
    )


def test_the_recipe_puts_every_mistake_before_the_correct_attempt() -> None:
    asked = questions(count=9)
    rows = [attempted(q, sample, sample % 2 == 0) for q in asked for sample in range(6)]
    words = prompts.load(WORDS)
    workshop = Workshop(TraceConfig(recipe=RECIPE, l_max=3), 0, words, lambda p, t: len((p + t).split()))
    made = build_shard(asked, [a for a, _ in rows], [r for _, r in rows], workshop)
    assert made.rejects == []
    assert len(made.traces) == 3 * len(asked)  # one for each correct attempt
    correct = {a.id for a, _ in rows if a.correct}
    shapes = {"".join("C" if a in correct else "I" for a in trace.attempts) for trace in made.traces}
    assert shapes == {"C", "IC", "IIC"}
    for trace in made.traces:
        assert re.fullmatch(rf"{TASK}-[234]:sft:\d{{6}}#mistakes_first\.[012]", trace.id)
        assert verify(TASK, next(q.gold for q in asked if q.id == trace.question_id), trace.text).correct
        assert trace.prompt.endswith("Put the number between <answer> and </answer>.")
    again = build_shard(asked, [a for a, _ in rows], [r for _, r in rows], replace(workshop, seed=1))
    assert [t.attempts for t in again.traces] != [t.attempts for t in made.traces]


@pytest.mark.parametrize(
    "arguments",
    [
        ["hydra.searchpath=[pkg://my_lab.conf]", "experiment=addition"],
        ["hydra.searchpath=[pkg://my_lab.conf]", "task=addition", f"trace.recipe={RECIPE}"],
    ],
    ids=["experiment", "names"],
)
def test_check_takes_it_in_an_empty_folder(tmp_path: Path, arguments: list[str]) -> None:
    done = sfray(tmp_path, "check", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok: run ")
    assert list(tmp_path.iterdir()) == []


def test_where_the_package_is_not_found_the_name_is_refused(tmp_path: Path) -> None:
    done = sfray(tmp_path, "check", f"task.name={TASK}", f"trace.recipe={RECIPE}", path=str(ROOT))
    assert done.returncode == 2
    assert f"task.name: {TASK}: there is no module my_lab; install the package" in done.stderr
    assert f"trace.recipe: {RECIPE}: there is no module my_lab; install the package" in done.stderr
    done = sfray(tmp_path, "check", f"prompts={WORDS}", path=str(ROOT))
    assert f"prompts: {WORDS}: there is no module my_lab; install the package" in done.stderr


def test_a_run_makes_its_questions_in_an_empty_folder(tmp_path: Path) -> None:
    conf = LAB / "my_lab" / "conf"
    done = sfray(tmp_path, "run", "--config-dir", str(conf), "experiment=addition", "steps=[questions]")
    assert (done.returncode, done.stderr) == (0, "")
    rows = pq.read_table(tmp_path / "runs" / "addition" / "questions" / "sft.parquet").to_pylist()
    assert {row["task"] for row in rows} == {TASK}
    assert len(rows) == 16


WORKER = """
import ray
from sfray import cluster, prompts
from sfray.config import ClusterConfig
from sfray.tasks.registry import family
from sfray.traces.recipes import recipe

def found():
    return family({task!r}).__name__, recipe({recipe!r}).name, prompts.load({words!r}).digest

cluster.connect(ClusterConfig(address="local", num_cpus=1))
print(*ray.get(ray.remote(found).remote()))
cluster.disconnect()
"""


@pytest.mark.engine
def test_the_workers_of_a_local_cluster_find_it(tmp_path: Path) -> None:
    script = WORKER.format(task=TASK, recipe=RECIPE, words=WORDS)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{LAB}"}
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["Addition", "mistakes_first", prompts.load(WORDS).digest]
