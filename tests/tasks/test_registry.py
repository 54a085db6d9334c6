"""Every family is registered, builds, and is refused by name when misspelt."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys

import pytest

from sfray.config import SplitConfig, TaskConfig
from sfray.records import Question
from sfray.tasks.generated import Draft
from sfray.tasks.mixture import Mixture
from sfray.tasks.multiplication import Multiplication
from sfray.tasks.registry import FAMILIES, build, family, problems, verify
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


class Doubled(Multiplication):
    """A family that is not part of sfray; it does not name itself."""

    levels = ("1",)

    def _draw(self, source: random.Random, level: str) -> Draft:
        number = source.randint(1, 500)
        gold = json.dumps({"factors": [number, 2]})
        return Draft(f"doubled:{number}", f"Twice {number}?", gold, str(2 * number))


class Renamed(Multiplication):
    """A family under a name that leads nowhere."""

    name = "renamed"


class Unfinished(Task):
    """A family that judges nothing."""

    answer_type = "the number"


class Bare(Unfinished):
    """A family without options and levels."""

    questions = Multiplication.questions
    judge = staticmethod(Multiplication.judge)
    gold_problem = staticmethod(Multiplication.gold_problem)


def test_a_family_from_elsewhere_carries_the_name_it_is_found_by() -> None:
    name = f"{__name__}:Doubled"
    task = build(name)
    assert isinstance(task, Doubled)
    assert task.name == name
    assert list(problems(TaskConfig(name, {}, *[SplitConfig(["1"], 2)] * 3))) == []
    one, two = task.questions("sft", SplitConfig(["1"], 2), 0)
    assert isinstance(one, Question)
    assert (one.task, one.id) == (name, f"{name}-1:sft:000000")
    assert family(one.task) is Doubled
    assert one.text != two.text
    assert verify(one.task, one.gold, f"<think></think><answer>{one.answer}</answer>").correct


def test_a_family_from_elsewhere_is_a_part_of_a_mixture() -> None:
    name = f"{__name__}:Doubled"
    mixture = build("mixture", {"parts": [{"name": name}, {"name": "multiplication", "levels": ["2"]}]})
    assert isinstance(mixture, Mixture)
    asked = list(mixture.questions("rl", SplitConfig([NO_LEVEL], 2), 0))
    assert [q.task for q in asked if isinstance(q, Question)] == [name, "multiplication"]
    twice = build("mixture", {"parts": [{"name": name}] * 2})
    split = SplitConfig([NO_LEVEL], 4)
    (problem, *_) = twice.problems(TaskConfig("mixture", {}, split, split, split))
    assert problem == "task.options.parts[1]: the same task and level as parts[0]; their questions would share ids"


def test_a_family_of_sfray_is_also_found_by_its_class() -> None:
    assert family("sfray.tasks.countdown:Countdown") is family("countdown")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Renamed", "{0} sets name = 'renamed', by which it is not found; leave the line out"),
        ("Unfinished", "{0} does not define gold_problem, judge, questions"),
        ("Bare", "{0} does not define levels, Options"),
        ("Question", "{0} must be a class derived from sfray.tasks.task.Task, not the class sfray.records.Question"),
        ("Doubeld", "module tests.tasks.test_registry has no 'Doubeld'; did you mean 'Doubled'?"),
    ],
)
def test_a_family_that_cannot_be_used(name: str, message: str) -> None:
    full = f"{__name__}:{name}"
    assert list(problems(TaskConfig(full))) == [f"task.name: {message.format(full)}"]
    with pytest.raises(ValueError, match=f"^{re.escape('evaluate.n_by_task.x: ' + message.format(full))}$"):
        family(full, "evaluate.n_by_task.x")


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
