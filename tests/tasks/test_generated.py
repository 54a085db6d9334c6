"""What all generated tasks have in common: solvable, disjoint, stable, judged by rule."""

from __future__ import annotations

import json
import random

import pytest

from sfray.config import SplitConfig, TaskConfig
from sfray.records import Question
from sfray.seeds import split_of
from sfray.tasks.generated import Draft, fill_levels
from sfray.tasks.registry import build, family, problems, verify

LEVELS = {
    "countdown": ["3", "4", "5", "6"],
    "letter_countdown": ["4", "5"],
    "acronym": ["4", "5"],
    "multiplication": ["2", "3", "4", "5"],
}


def questions(task: str, split: str = "eval", count: int = 80, seed: int = 0) -> list[Question]:
    return list(build(task).questions(split, SplitConfig(LEVELS[task], count), seed))  # type: ignore[arg-type]


@pytest.mark.parametrize("task", LEVELS)
def test_every_question_is_solvable_and_its_gold_valid(task: str) -> None:
    rows = questions(task)
    assert len({r.id for r in rows}) == len({r.text for r in rows}) == 80
    for row in rows:
        assert row.id.startswith(f"{task}-{row.level}:eval:")
        assert family(task).gold_problem(json.loads(row.gold)) is None
        assert verify(task, row.gold, f"<think>x</think><answer>\n{row.answer}\n</answer>").correct


@pytest.mark.parametrize("task", LEVELS)
def test_splits_share_nothing(task: str) -> None:
    texts = [{q.text for q in questions(task, split)} for split in ("sft", "rl", "eval")]
    assert sum(map(len, texts)) == len(set.union(*texts)) == 240


@pytest.mark.parametrize("task", LEVELS)
def test_a_larger_count_only_appends_at_each_level(task: str) -> None:
    small, large = questions(task, count=16), questions(task, count=80)
    assert {q.id: q for q in small}.items() <= {q.id: q for q in large}.items()
    assert small == questions(task, count=16)
    assert {q.text for q in questions(task, seed=1)} != {q.text for q in large}


@pytest.mark.parametrize("task", LEVELS)
def test_unknown_levels_are_named(task: str) -> None:
    config = TaskConfig(task, {}, eval=SplitConfig(["3", "99"], 10))
    assert f"task.eval.levels[1]: {task} has no level '99', only {', '.join(family(task).levels)}" in problems(config)


def test_the_source_runs_dry() -> None:
    def draw(source: random.Random, level: str) -> Draft | None:
        number = source.randint(0, 9)
        return Draft(f"k{number}", str(number), "{}", str(number))

    owned = [n for n in range(10) if split_of(f"k{n}") == "eval"]
    assert len(list(fill_levels("toy", draw, "eval", SplitConfig(["a"], len(owned)), 0))) == len(owned)
    with pytest.raises(ValueError, match=rf"task\.eval\.count: toy has only about {len(owned)} questions of level a"):
        list(fill_levels("toy", draw, "eval", SplitConfig(["a"], 10), 0))
