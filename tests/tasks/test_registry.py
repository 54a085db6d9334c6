"""Every family is registered, builds, and is refused by name when misspelt."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sfray.config import SplitConfig, TaskConfig
from sfray.tasks.registry import FAMILIES, build, family, problems
from sfray.tasks.task import NO_LEVEL, Task, per_level, question_id

NEEDS = {"mixture": {"parts": [{"name": "countdown", "levels": ["3"]}]}, "reasoning_gym": {"name": "leg_counting"}}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_builds_and_says_what_it_is(name: str) -> None:
    cls = family(name)
    assert issubclass(cls, Task)
    assert cls.name == name
    assert cls.answer_type.startswith("the ")
    assert isinstance(build(name, NEEDS.get(name)), cls)


def test_a_misspelt_family_is_named() -> None:
    assert list(problems(TaskConfig("cuntdown"))) == ["task.name: no task 'cuntdown'; did you mean 'countdown'?"]
    with pytest.raises(ValueError, match=r"task\.name: no task 'zzz'; there are countdown, "):
        build("zzz")


def test_problems_come_all_at_once() -> None:
    config = TaskConfig("countdown", {}, SplitConfig([], 1), SplitConfig(["3", "3"], 1), SplitConfig(["3", "7"], 1))
    assert list(problems(config)) == [
        "task.sft.levels: at least one level is needed",
        "task.rl.levels: a level is listed twice",
        "task.eval.levels[1]: countdown has no level '7', only 2, 3, 4, 5, 6",
    ]
    weighted = SplitConfig(["3", "4"], 4, [1, 2, 3]), SplitConfig(["3", "4"], 4, [1, 0]), SplitConfig(["3"], 1, [2])
    assert list(problems(TaskConfig("countdown", {}, *weighted))) == [
        "task.sft.weights: 3 weights for 2 levels",
        "task.rl.weights: every weight must be above 0; leave a level out of levels instead",
    ]


def test_counts_are_shared_evenly_and_the_first_take_the_rest() -> None:
    assert list(per_level(SplitConfig(["3", "4", "5"], 8))) == [("3", 3), ("4", 3), ("5", 2)]


def test_counts_are_shared_by_weight() -> None:
    assert list(per_level(SplitConfig(["3", "4", "5"], 8, [6, 1, 1]))) == [("3", 6), ("4", 1), ("5", 1)]


def test_ids_name_the_level_where_there_is_one() -> None:
    assert question_id("countdown", "3", "eval", 7) == "countdown-3:eval:000007"
    assert question_id("gsm8k", NO_LEVEL, "sft", 12) == "gsm8k:sft:000012"


def test_checking_a_task_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from sfray.config import TaskConfig\n"
        "from sfray.tasks.registry import FAMILIES, problems\n"
        "for name in FAMILIES: list(problems(TaskConfig(name)))\n"
        "heavy = {'torch', 'ray', 'vllm', 'datasets', 'sympy', 'math_verify', 'reasoning_gym'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_answers_are_told_apart_by_more_than_white_space_only_where_a_family_says_so() -> None:
    assert family("gsm8k").canonical(" 1  000\n") == "1 000"
    assert family("gsm8k").uses_all({"answer": "1"}, "1") is None
    assert family("countdown").canonical("(5*3)") == family("countdown").canonical("3 * 5")
