"""Mixtures: parts, golds of the parts' own."""

from __future__ import annotations

from collections import Counter

import pytest

from sfray.config import SplitConfig, TaskConfig
from sfray.records import Question
from sfray.tasks.mixture import Mixture
from sfray.tasks.registry import problems, verify

PARTS = [{"name": "countdown", "weight": 3, "levels": ["3"]}, {"name": "multiplication", "levels": ["2"]}]


def questions(parts: list[dict], split: str = "sft", count: int = 20) -> list[Question]:
    return list(Mixture({"parts": parts}).questions(split, SplitConfig(["-"], count), 0))  # type: ignore[arg-type]


def test_questions_keep_their_own_task_and_can_be_verified() -> None:
    rows = questions(PARTS)
    assert Counter(q.task for q in rows) == {"countdown": 15, "multiplication": 5}
    assert [q.task for q in rows[:4]].count("multiplication") == 1
    assert rows[0].id == "countdown-3:sft:000000"
    for row in rows:
        assert verify(row.task, row.gold, f"<answer>{row.answer}</answer>").correct
    assert len({q.id for q in rows}) == 20


def test_parts_may_be_of_some_splits_only() -> None:
    parts = [
        {"name": "countdown", "levels": ["3"], "splits": ["sft", "rl"]},
        {"name": "countdown", "levels": ["3", "4"], "splits": ["eval"], "weight": 2},
        {"name": "multiplication", "levels": ["2"], "splits": ["eval"]},
    ]
    assert {q.id.split(":")[0] for q in questions(parts)} == {"countdown-3"}
    assert Counter(q.id.split(":")[0] for q in questions(parts, "eval", 9)) == {
        "countdown-3": 3,
        "countdown-4": 3,
        "multiplication-2": 3,
    }
    config = TaskConfig("mixture", {"parts": parts}, *(SplitConfig(["-"], 9) for _ in range(3)))
    assert list(problems(config)) == []


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "task.options.parts: a list of tasks is needed"),
        ({"parts": [5]}, "task.options.parts[0]: a mapping is needed, got 5"),
        (
            {"parts": [{"name": "cuntdown"}]},
            "task.options.parts[0].name: no task 'cuntdown'; did you mean 'countdown'?",
        ),
        (
            {"parts": [{"name": "mixture"}]},
            "task.options.parts[0].name: the name of a task other than mixture is needed",
        ),
        ({"parts": [{**PARTS[0], "levels": 3}]}, "task.options.parts[0].levels: a list is needed, got 3"),
        ({"parts": [{**PARTS[0], "splits": None}]}, "task.options.parts[0].splits: a list is needed, got None"),
        ({"parts": [{**PARTS[0], "options": 5}]}, "task.options.parts[0].options: a mapping is needed, got 5"),
        ({"parts": [{**PARTS[0], "weight": 0}]}, "task.options.parts[0].weight: 0 must be above 0"),
        (
            {"parts": [{**PARTS[0], "wight": 1}]},
            "task.options.parts[0].wight: no such key; did you mean 'weight'?",
        ),
        (
            {"parts": [{**PARTS[0], "splits": ["dev"]}]},
            "task.options.parts[0].splits: no split 'dev'; there are sft, rl, eval",
        ),
        (
            {"parts": [{**PARTS[0], "splits": ["evl"]}]},
            "task.options.parts[0].splits: no split 'evl'; did you mean 'eval'?",
        ),
        ({"parts": [{"name": "countdown"}]}, "task.options.parts[0].levels: countdown needs some of 2, 3, 4, 5, 6"),
        ({"parts": [{**PARTS[0], "levels": [9]}]}, "task.options.parts[0].levels[0]: countdown has no level '9'"),
        ({"parts": [PARTS[0], PARTS[0]]}, "task.options.parts[1]: the same task and level as parts[0]"),
        ({"parts": [*PARTS, {"name": "gpqa"}]}, "task.options.parts[2].splits: gpqa serves only eval"),
        (
            {"parts": [{**PARTS[0], "options": {"number_rang": 1}}]},
            "task.options.parts[0].options.number_rang: countdown has no such option; "
            "did you mean task.options.parts[0].options.number_range?",
        ),
    ],
)
def test_problems_name_the_part_and_its_key(options: dict, line: str) -> None:
    config = TaskConfig("mixture", options, *(SplitConfig(["-"], 8) for _ in range(3)))
    assert any(problem.startswith(line) for problem in problems(config)), list(problems(config))


def test_levels_and_weights_of_the_whole_are_refused() -> None:
    splits = SplitConfig(["99"], 8), SplitConfig(["-", "3"], 0), SplitConfig(["-"], 8, [2])
    assert list(problems(TaskConfig("mixture", {"parts": PARTS}, *splits))) == [
        "task.sft.levels: a mixture has only '-', not [99]; its parts have levels, as task.options.parts[0].levels",
        "task.rl.levels: a mixture has only '-', not [-, 3]; its parts have levels, as task.options.parts[0].levels",
        "task.eval.weights: the parts of a mixture have weights, as task.options.parts[0].weight",
    ]


def test_a_split_without_parts_is_named() -> None:
    with pytest.raises(ValueError, match=r"task\.eval\.count: no part of the mixture"):
        questions([{**PARTS[0], "splits": ["sft"]}], "eval")


def test_a_mixture_judges_nothing_itself() -> None:
    assert Mixture.gold_problem({}) is not None
    with pytest.raises(ValueError, match="their own task"):
        Mixture.judge({}, "1")
