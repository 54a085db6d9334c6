"""The package in ``examples/``: found by name from any folder and in every process, without being installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sfray import graph, prompts
from sfray.artifacts import Attempts, Questions
from sfray.compose import load
from sfray.config import SegmentsConfig, SplitConfig, TaskConfig, TraceConfig
from sfray.config.validation import ConfigError
from sfray.evaluation.skills import read
from sfray.grammar import Pair, paired, render_parts
from sfray.interchange.skillfactory import import_run
from sfray.io.arrow import from_table, to_table
from sfray.io.parquet import write_table
from sfray.records import Attempt, Question, Reflection, Reject, SkillSegment
from sfray.sampling.engine import Sampled
from sfray.sampling.segments import SegmentJob
from sfray.skills.registry import skill, tags
from sfray.skills.skill import Subject
from sfray.store.manifest import Manifest
from sfray.tasks.registry import build, family, problems, verify
from sfray.traces.build import Workshop, build_shard
from sfray.traces.placing import Shown, weave
from tests.interchange.rows import WRONG, row
from tests.sampling.rows import CONFIG, stage
from tests.test_docs import blocks

ROOT = Path(__file__).parents[1]
LAB = ROOT / "examples" / "my_lab"
TASK, RECIPE, WORDS = "my_lab.tasks:Addition", "my_lab.recipes:MISTAKES_FIRST", "my_lab:prompts.yaml"
SKILL, STAGE = "my_lab.skills:Doubt", "my_lab.stages:KeepShortest"
SEARCH = "hydra.searchpath=[pkg://my_lab.conf]"
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


def doubting(root: Path) -> tuple[SegmentJob, Subject]:
    """A job that asks for doubts with the example's words, and the attempt that it asks about."""
    question = questions(count=1)[0]
    tried, _ = attempted(question, 0, correct=False)
    write_table(root / "questions" / "sft.parquet", to_table(Question, [question]))
    write_table(stage(root, "attempts").part(0), to_table(Attempt, [tried]))
    config = replace(CONFIG, prompts=WORDS, segments=SegmentsConfig(skill=SKILL))  # type: ignore[arg-type]
    given = Questions(root / "questions", "sft"), Attempts(root / "attempts")
    return SegmentJob(stage(root, "segments"), config, *given), Subject(question, tried)


def test_the_skill_asks_with_the_words_of_the_prompts_file(tmp_path: Path) -> None:
    job, subject = doubting(tmp_path)
    job.check()
    (about,), (request,), rejects = job.requests(0)
    assert (about, rejects) == ((subject, "default", 0), [])
    (turn,) = request.messages
    assert turn["content"].startswith(f"{subject.question.text}\n\nHere is an attempt:\nI add. <answer>")
    assert turn["content"].endswith("Ask one short question, and do not answer it.")


def test_the_skill_takes_one_question_and_says_why_it_takes_nothing_else(tmp_path: Path) -> None:
    job, subject = doubting(tmp_path)
    answer = subject.question.answer
    written = ["Did I carry the ten? I did not.", "All is well.", "<doubt>Is it?", f"Is {answer} right?"]
    kept, rejects = job.rows((subject, "default", 0), [Sampled(text, 8, "stop") for text in written])
    assert [(row.id, row.skill, row.text) for row in kept] == [
        (f"{subject.id}/doubt0", SKILL, "Did I carry the ten?"),
    ]
    assert rejects == [
        Reject(id=f"{subject.id}/doubt1", reason="no_question", detail=written[1]),
        Reject(id=f"{subject.id}/doubt2", reason="structural_tag", detail=written[2]),
        Reject(id=f"{subject.id}/doubt3", reason="gives_answer", detail=written[3]),
    ]


def test_a_trace_shows_the_skill_between_an_attempt_and_its_reflection() -> None:
    doubt, question = skill(SKILL), questions(count=1)[0]
    tried, reflection = attempted(question, 0, correct=True)
    row = SkillSegment(
        id="d", skill=SKILL, question_id=question.id, attempt_id=tried.id, variant="default", sample=0, text="Is it?",
        tokens=3, finish="stop",
    )  # fmt: skip
    woven = weave(paired([Pair(tried.text, reflection.text)], []), [Shown(row, doubt, 0)])
    declared = tags({SKILL: doubt})
    text = render_parts(woven.parts, "So:", question.answer or "", declared)
    assert "</sample>\n<doubt>\nIs it?\n</doubt>\n<reflect>" in text
    shown = read(text, question.task, question.gold, question.answer, declared)
    assert (shown.valid, shown.segments) == (True, {"reflection": 1, SKILL: 1})


def test_the_stage_leaves_out_the_long_ones_of_the_right_attempts() -> None:
    from my_lab.stages import too_long

    one, other = questions(count=2)
    tried = [
        replace(attempted(question, i, correct=length > 0)[0], tokens=abs(length))
        for question, lengths in ((one, (5, 3, 9, -1, 3, -20)), (other, (40, 50)))
        for i, length in enumerate(lengths)
    ]
    assert list(too_long(tried, 2)) == [f"{one.id}/plain/0", f"{one.id}/plain/2"]
    assert list(too_long(tried, 4)) == []


def test_the_stage_of_the_method_works_on_the_command_line(tmp_path: Path) -> None:
    right = ["(3 + 5) * 8", "((3 + 5)) * 8", "(((3 + 5))) * 8"]
    rows = [row(expression, variant=f"v{i}") for i, expression in enumerate(right)] + [row("3 + 5", False, (WRONG,))]
    (tmp_path / "raw.jsonl").write_text("\n".join(map(json.dumps, rows)))
    import_run(str(tmp_path / "raw.jsonl"), tmp_path / "runs" / "lab", "countdown", len)
    arguments = ["--config-dir", str(LAB / "my_lab" / "conf"), "method=doubt", "run.name=lab", "steps=[shortest]"]

    done = sfray(tmp_path, "run", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    made = tmp_path / "runs" / "lab" / "shortest"
    kept = from_table(Attempt, pq.read_table(Attempts(made.resolve()).shard(0)))
    assert [attempt.answer for attempt in kept] == [*right[:2], "3 + 5"]
    assert Manifest.read(made / "manifest.json").rejects == {"not_shortest": 1}
    assert Manifest.read(made / "manifest.json").config == {"correct": 2}

    done = sfray(tmp_path, "run", *arguments, "method.shortest.correct=1")
    assert "correct: 2 there, 1 now" in done.stdout
    assert Manifest.read(made / "manifest.json").counts["rows"] == 2


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("method.shortest.correct=0", "method.shortest.correct: 0 must be at least 1"),
        ("+method.shortest.corect=3", f"method.shortest.corect: neither an input nor a setting of the stage {STAGE}"),
        ("method.shortest.stage=my_lab.stages:Shortest", "method.shortest.stage: module my_lab.stages has no 'Sho"),
        ("method.doubts.skill=my_lab.skills:Doubts", "method.doubts.skill: module my_lab.skills has no 'Doubts'; did"),
        ("method.doubts.prompts=default", f"method.doubts.prompts: skills.{SKILL} is missing: write there how to"),
    ],
    ids=["bound", "setting", "stage", "skill", "prompts"],
)
def test_what_is_wrong_with_the_method_is_named_by_its_key(override: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        graph.build(load([SEARCH, "method=doubt", override]))
    (line,) = caught.value.problems
    assert line.startswith(problem)


@pytest.mark.parametrize(("page", "steps"), [("new_skill.md", {"doubts"}), ("new_stage.md", {"shortest"})])
def test_the_method_that_a_page_shows_works(page: str, steps: set[str], tmp_path: Path) -> None:
    (tmp_path / "method").mkdir()
    (tmp_path / "method" / "mine.yaml").write_text(blocks(page, "yaml")[-1], encoding="utf-8")
    made = graph.build(load([f"hydra.searchpath=[{tmp_path}]", "method=mine"]))
    assert made.keys() - graph.build(load(["method=skillfactory"])).keys() == steps


@pytest.mark.parametrize(
    "arguments",
    [
        [SEARCH, "experiment=addition"],
        [SEARCH, "task=addition", f"trace.recipe={RECIPE}"],
        [SEARCH, "method=doubt"],
    ],
    ids=["experiment", "names", "method"],
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


@pytest.mark.engine
def test_a_model_doubts_the_attempts_that_the_stage_keeps(tmp_path: Path) -> None:
    conf = LAB / "my_lab" / "conf"
    overrides = ["experiment=smoke", "method=doubt", "steps=[doubts]", "run.name=doubt"]
    done = sfray(tmp_path, "run", "--config-dir", str(conf), *overrides)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = {name: tmp_path / "runs" / "doubt" / name for name in ("attempts", "shortest", "doubts")}
    made = {name: Manifest.read(path / "manifest.json") for name, path in steps.items()}
    sampled, kept = (
        [a for file in Attempts(steps[name].resolve()).files for a in from_table(Attempt, pq.read_table(file))]
        for name in ("attempts", "shortest")
    )
    assert [a for a in kept if not a.correct] == [a for a in sampled if not a.correct]
    right = Counter(a.question_id for a in sampled if a.correct)
    assert max(right.values()) > 2  # so that the stage has something to do
    assert Counter(a.question_id for a in kept if a.correct) == {q: min(n, 2) for q, n in right.items()}
    assert made["shortest"].rejects == {"not_shortest": len(sampled) - len(kept)}
    assert made["doubts"].counts["rows"] + sum(made["doubts"].rejects.values()) == len(kept)
    assert made["doubts"].rejects["no_question"] > 0  # the embedded model asks nothing: the skill has read it
