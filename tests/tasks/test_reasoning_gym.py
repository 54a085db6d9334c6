"""The reasoning-gym adapter: its generators, its scorers in a bounded worker, our Countdown."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sfray.config import SplitConfig
from sfray.records import Question, Reject
from sfray.tasks.outcome import Reason
from sfray.tasks.reasoning_gym import EXECUTING, ReasoningGym, generator
from sfray.tasks.registry import verify

pytest.importorskip("reasoning_gym")


def rows(name: str, split: str = "eval", count: int = 4, seed: int = 0, **config: object) -> list[Question | Reject]:
    return list(ReasoningGym({"name": name, "config": config}).questions(split, SplitConfig(["-"], count), seed))


def test_a_task_becomes_questions_that_its_own_scorer_judges() -> None:
    found = rows("leg_counting")
    assert [q.id for q in found] == [f"reasoning_gym-leg_counting:eval:{i:06d}" for i in range(4)]
    assert {q.task for q in found} == {"reasoning_gym"}
    for question in found:
        assert verify("reasoning_gym", question.gold, f"<answer>{question.answer}</answer>").reason is Reason.CORRECT
        wrong = str(int(question.answer) + 1)
        assert verify("reasoning_gym", question.gold, f"<answer>{wrong}</answer>").reason is Reason.WRONG_VALUE
    assert found[:2] == rows("leg_counting", count=2)
    others = {q.text for s in ("sft", "rl") for q in rows("leg_counting", s)}
    assert not others & {q.text for q in found}


def test_the_packages_import_is_not_on_the_first_answers_bill() -> None:
    """The worker imports the module of what it serves before it counts processor time."""
    code = "import sys, sfray.tasks.gym_score; print('reasoning_gym.factory' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_its_countdown_is_judged_by_ours() -> None:
    for question in rows("countdown", min_numbers=3, max_numbers=3):
        assert (question.task, question.level) == ("countdown", "3")
        assert question.id.startswith("reasoning_gym-countdown:eval:")
        numbers = json.loads(question.gold)["numbers"]
        assert verify("countdown", question.gold, f"<answer>{question.answer}</answer>").correct
        cheat = f"int({'+'.join(map(str, numbers))}) * 0 + {json.loads(question.gold)['target']}"
        assert verify("countdown", question.gold, f"<answer>{cheat}</answer>").reason is Reason.BAD_SYNTAX


@pytest.mark.parametrize("name", sorted(EXECUTING))
def test_scorers_that_execute_text_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"task\.options\.name: {name} is refused"):
        ReasoningGym({"name": name})
    gold = {"dataset": name, "config": {}, "entry": {"answer": "1"}}
    assert ReasoningGym.judge(gold, "__import__('os')").reason is Reason.PARSE_ERROR


def test_its_own_countdown_scorer_never_sees_an_answer(tmp_path) -> None:
    entry = generator("countdown", "{}")[0]
    gold = {"dataset": "countdown", "config": {}, "entry": entry}
    attack = f"__import__('os').system('touch {tmp_path}/ran')"
    assert ReasoningGym.judge(gold, attack).reason is Reason.PARSE_ERROR
    assert ReasoningGym.gold_problem(gold) == "entry: its own answer is parse_error"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["complex_arithmetic", "game_of_life_halting", "gsm_symbolic", "knights_knaves"])
def test_a_scorer_that_pays_for_no_answer_is_refused_unless_trusted(name: str) -> None:
    with pytest.raises(ValueError, match=rf"task\.options\.name: reasoning-gym's {name} gives full points to"):
        rows(name)
    trusted = ReasoningGym({"name": name, "trust_scorer": True}).questions("eval", SplitConfig(["-"], 1), 0)
    assert [type(q) for q in trusted] == [Question]


def test_a_task_whose_golds_cannot_be_checked_is_given_up() -> None:
    with pytest.raises(ValueError, match=r"task\.eval\.count: reasoning-gym's graph_color gave 0 questions"):
        rows("graph_color")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"task\.options\.name: the name of a reasoning-gym task is needed"),
        ({"name": "leg_counting", "config": {"seed": 1}}, r"task\.options\.config\.seed: set by"),
        ({"name": "leg_counting", "trust_scorer": "yes"}, r"task\.options\.trust_scorer: true or false"),
        ({"name": "leg_counting", "config": 5}, r"task\.options\.config: a mapping"),
    ],
)
def test_bad_options_name_their_key(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReasoningGym(options)


def test_unknown_tasks_and_fields_are_named() -> None:
    with pytest.raises(ValueError, match=r"task\.options\.name: reasoning-gym has no task 'leg_countin'"):
        rows("leg_countin")
    with pytest.raises(ValueError, match=r"task\.options\.config: leg_counting: .*min_animal"):
        rows("leg_counting", min_animal=1)


def test_bad_golds_are_named() -> None:
    assert ReasoningGym.gold_problem({}) is not None
    assert ReasoningGym.gold_problem({"dataset": "x", "config": {}, "entry": {"answer": None}}) is not None
    for dataset, config in ((["x"], {}), (None, {}), ("leg_counting", 5), ("leg_counting", None)):
        gold = {"dataset": dataset, "config": config, "entry": {"answer": "1"}}
        assert "expected" in str(ReasoningGym.gold_problem(gold))
