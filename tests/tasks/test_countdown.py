"""Countdown: questions that are solvable, disjoint and stable; a judge that cannot be cheated."""

from __future__ import annotations

import ast
import json
import random
import re
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sfray.config import SplitConfig
from sfray.seeds import split_of
from sfray.tasks.countdown import Countdown, Problem, combine, draw, question_text
from sfray.tasks.expression import literals, parse, render, value
from sfray.tasks.outcome import Reason
from sfray.tasks.registry import verify

GOLD = {"numbers": [3, 5, 8], "target": 64}


def reason(answer: str, numbers: list[int] | None = None, target: int = 64) -> Reason:
    return Countdown.judge({"numbers": numbers or [3, 5, 8], "target": target}, answer).reason


def questions(split: str = "sft", levels: tuple[str, ...] = ("3",), count: int = 50, seed: int = 0, **options: object):
    return list(Countdown(options).questions(split, SplitConfig(list(levels), count), seed))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("(3 + 5) * 8", Reason.CORRECT),
        ("8*(5+3)", Reason.CORRECT),
        ("(3 + 5) × 8", Reason.CORRECT),
        ("(3 + 5) * 8 = 64", Reason.CORRECT),
        ("(3 + 5) * 8 = 65", Reason.WRONG_VALUE),
        ("(3 + 5) * 8 = -64", Reason.WRONG_VALUE),
        ("3 * 5 + 8 = 64", Reason.WRONG_VALUE),
        ("(3 + 5) * 8 = 64 = 64", Reason.BAD_SYNTAX),
        ("(3 + 5) * 8 = 64.0", Reason.BAD_SYNTAX),
        ("(3 + 5) * 8 =", Reason.BAD_SYNTAX),
        ("64 = (3 + 5) * 8", Reason.BAD_SYNTAX),
        ("64", Reason.WRONG_NUMBERS),
        ("8 * 8", Reason.WRONG_NUMBERS),
        ("64 = 64", Reason.WRONG_NUMBERS),
        ("3 + 5", Reason.WRONG_VALUE),
        ("8 / (5 - 5)", Reason.WRONG_NUMBERS),
        ("8 * (3 / 0)", Reason.WRONG_NUMBERS),
        ("-3 + 8 * 8", Reason.BAD_SYNTAX),
        ("3 +", Reason.BAD_SYNTAX),
        ("1" * 1_001, Reason.TOO_LONG),
        ("(" * 400 + "8" + ")" * 400, Reason.TOO_LONG),
        ("+".join(["3"] * 40), Reason.TOO_LONG),
    ],
)
def test_each_answer_has_its_reason(answer: str, expected: Reason) -> None:
    assert reason(answer) is expected


@pytest.mark.parametrize(
    ("numbers", "target", "answer", "expected"),
    [
        ([5, 5], 0, "5 - 5", Reason.CORRECT),
        ([5, 5, 1], 1, "1 / (5 - 5)", Reason.WRONG_VALUE),
        ([5, 5], 10, "5 + 5", Reason.CORRECT),
        ([5], 10, "5 + 5", Reason.WRONG_NUMBERS),
        ([7, 2, 2], 7, "7 / 2 * 2", Reason.CORRECT),
        ([1, 3, 3], 1, "1 / 3 * 3", Reason.CORRECT),
        ([3, 5, 8], 8, "8", Reason.CORRECT),
        ([3, 5, 8], 2, "5 - 3", Reason.CORRECT),
        ([3, 5], -2, "3 - 5", Reason.CORRECT),
        ([3, 5], -2, "3 - 5 = -2", Reason.CORRECT),
        ([3, 5], -2, "3 - 5 = −2", Reason.CORRECT),
        ([3, 5], 1, "7 // 2 + 1", Reason.BAD_SYNTAX),
        ([0, 4], 4, "4 + 0", Reason.CORRECT),
        ([8, 3, 8, 3], 24, "8 / (3 - 8 / 3)", Reason.CORRECT),
    ],
)
def test_values_are_exact_and_numbers_a_multiset(
    numbers: list[int], target: int, answer: str, expected: Reason
) -> None:
    assert reason(answer, numbers, target) is expected


def independent(text: str, numbers: list[int], target: int) -> bool:
    """Judges without our parser: Python's own, after the documented characters are replaced."""
    if len(text) > 1_000:
        return False
    left, equals, claim = text.partition("=")
    claim = claim.strip(" \t\r\n").replace("−", "-")
    if equals and not (re.fullmatch(r"-?(0|[1-9][0-9]*)", claim) and int(claim) == target):
        return False
    for source, operator in (("×", "*"), ("·", "*"), ("⋅", "*"), ("÷", "/"), ("−", "-")):
        left = left.replace(source, operator)
    if not re.fullmatch(r"[0-9+\-*/() \t\r\n]*", left) or re.search(r"\*\s*\*|/\s*/|\b0[0-9]", left):
        return False
    try:
        tree = ast.parse("(" + left.strip(" \t\r\n") + "\n)", mode="eval").body
    except SyntaxError:
        return False
    used: list[int] = []

    def walk(node: ast.AST) -> Fraction:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            used.append(node.value)
            return Fraction(node.value)
        if not isinstance(node, ast.BinOp):
            raise ValueError(node)
        x, y = walk(node.left), walk(node.right)
        match node.op:
            case ast.Add():
                return x + y
            case ast.Sub():
                return x - y
            case ast.Mult():
                return x * y
            case ast.Div():
                return x / y
        raise ValueError(node.op)

    try:
        result = walk(tree)
    except (ValueError, ZeroDivisionError):
        return False
    return result == target and not Counter(used) - Counter(numbers)


PROBLEMS = st.builds(lambda seed, size: draw(random.Random(seed), size), st.integers(0, 10**6), st.integers(2, 6))
CHARACTERS = "0123456789+-*/() =×÷−.x!^,%٣\n"


@given(PROBLEMS, st.data())
def test_any_mutation_scores_by_independent_recomputation(problem: Problem, data: st.DataObject) -> None:
    answer = render(problem.tree)
    if data.draw(st.booleans()):
        answer += f" = {problem.target}"
    at = data.draw(st.integers(0, len(answer)))
    character = data.draw(st.sampled_from(CHARACTERS))
    mutated = data.draw(
        st.sampled_from(
            [
                answer[:at] + character + answer[at:],
                answer[:at] + character + answer[at + 1 :],
                answer[:at] + answer[at + 1 :],
            ]
        )
    )
    gold = {"numbers": list(problem.numbers), "target": problem.target}
    assert Countdown.judge(gold, mutated).correct is independent(mutated, gold["numbers"], problem.target)


@given(
    PROBLEMS,
    st.sampled_from(["", " ", "\n", "\r\n\t "]),
    st.sampled_from(["{}", "({})", "{} = {target}", "{}\n={target}"]),
    st.sampled_from(
        ["{}", "<think>\n<answer>1</answer>\n</think>\nSo: {}", "<answer>1</answer> {}", "{} Done.", "x</think>{}"]
    ),
    st.sampled_from([{}, {"*": "×"}, {"*": "·", "/": "÷"}, {"-": "−"}, {" ": ""}, {" ": "\n"}]),
)
def test_a_right_answer_in_any_legal_form_is_accepted(
    problem: Problem, space: str, form: str, response: str, characters: dict[str, str]
) -> None:
    expression = render(problem.tree).translate(str.maketrans(characters))
    answer = form.replace("{}", expression).replace("{target}", str(problem.target))
    text = response.replace("{}", f"<answer>{space}{answer}{space}</answer>")
    gold = json.dumps({"numbers": list(problem.numbers), "target": problem.target})
    outcome = verify("countdown", gold, text)
    assert outcome.correct
    assert outcome.answer == answer.strip()


@given(PROBLEMS, st.data())
def test_the_order_of_the_numbers_does_not_matter(problem: Problem, data: st.DataObject) -> None:
    numbers = data.draw(st.permutations(problem.numbers))
    assert reason(render(problem.tree), list(numbers), problem.target) is Reason.CORRECT


@given(st.text(max_size=200), st.lists(st.integers(0, 99), min_size=1, max_size=6), st.integers(-100, 1000))
def test_no_text_raises(text: str, numbers: list[int], target: int) -> None:
    assert Countdown.judge({"numbers": numbers, "target": target}, text).reason in Reason


@given(PROBLEMS)
def test_drawn_puzzles_use_all_numbers_and_reach_the_target(problem: Problem) -> None:
    assert sorted(literals(problem.tree)) == sorted(problem.numbers)
    assert value(problem.tree) == problem.target
    assert 1 <= problem.target <= 100
    assert all(1 <= n <= 20 for n in problem.numbers)


def test_draws_are_as_they_always_were() -> None:
    problem = draw(random.Random(7), 4)
    assert problem == draw(random.Random(7), 4)
    assert (problem.numbers, problem.target, render(problem.tree)) == PINNED


PINNED = ((14, 3, 8, 3), 59, "8 + 3 * (3 + 14)")


def test_combining_one_number_is_the_number() -> None:
    assert combine(random.Random(0), [7]) == (7, 7)


def test_the_key_is_the_same_in_any_order() -> None:
    assert Problem((3, 5, 8), 64, 0).key == Problem((8, 3, 5), 64, 1).key == "countdown:3,5,8=64"


def test_a_question_says_everything() -> None:
    assert question_text((3, 5, 8), 64) == (
        "Use the numbers 3, 5 and 8 with + - * / to make 64. Use each number at most once."
    )
    first = questions(count=1)[0]
    assert (first.id, first.task, first.level, first.split) == ("countdown-3:sft:000000", "countdown", "3", "sft")
    gold = json.loads(first.gold)
    assert first.text == question_text(tuple(gold["numbers"]), gold["target"])
    assert Countdown.gold_problem(gold) is None
    assert verify("countdown", first.gold, f"<answer>{first.answer}</answer>").correct


def test_every_answer_is_right_and_every_level_has_its_numbers() -> None:
    rows = questions("eval", ("3", "4", "5", "6"), 42)
    assert [r.level for r in rows] == ["3"] * 11 + ["4"] * 11 + ["5"] * 10 + ["6"] * 10
    assert [r.id for r in rows[11:13]] == ["countdown-4:eval:000000", "countdown-4:eval:000001"]
    for row in rows:
        gold = json.loads(row.gold)
        assert len(gold["numbers"]) == int(row.level)
        assert Countdown.judge(gold, row.answer).correct


@pytest.mark.parametrize("seed", [0, 1])
def test_splits_are_disjoint_for_any_seed(seed: int) -> None:
    keys = {}
    for split in ("sft", "rl", "eval"):
        rows = [json.loads(q.gold) for q in questions(split, ("3", "4"), 400, seed)]
        keys[split] = {Problem(tuple(g["numbers"]), g["target"], 0).key for g in rows}
        assert len(keys[split]) == 400
        assert {split_of(k) for k in keys[split]} == {split}
    other = {
        Problem(tuple(g["numbers"]), g["target"], 0).key
        for g in (json.loads(q.gold) for q in questions("rl", ("3",), 300, 9))
    }
    assert not other & (keys["sft"] | keys["eval"])
    assert not keys["sft"] & keys["rl"] | keys["sft"] & keys["eval"] | keys["rl"] & keys["eval"]


def test_a_larger_count_only_appends_and_seeds_differ() -> None:
    assert questions(count=60)[:20] == questions(count=20)
    assert questions(seed=1) != questions(seed=0)


def test_an_exhausted_space_is_said() -> None:
    with pytest.raises(ValueError, match=r"task\.sft\.count: countdown has only about \d+ questions of level 2"):
        questions(levels=("2",), count=500, number_range=[1, 4])


def test_an_unreachable_target_ends() -> None:
    with pytest.raises(ValueError, match="only about 0 questions"):
        questions(levels=("2",), count=1, number_range=[1, 2], target_range=[90, 91])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"number_rang": [1, 2]}, r"task\.options\.number_rang: .*did you mean task\.options\.number_range"),
        ({"number_range": [5, 1]}, r"task\.options\.number_range: \[5, 1\] must be 0 or more"),
        ({"number_range": 5}, r"task\.options\.number_range: two integers"),
        ({"target_range": [1.0, 5]}, r"task\.options\.target_range: two integers"),
        ({"target_range": [-1, 5]}, r"task\.options\.target_range"),
    ],
)
def test_bad_options_name_their_key(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Countdown(options)


@pytest.mark.parametrize(
    "gold",
    [
        {},
        {"numbers": [3], "target": "3"},
        {"numbers": [], "target": 3},
        {"numbers": [3.0], "target": 3},
        {"numbers": [True], "target": 1},
        {"numbers": [-3], "target": 3},
        {"numbers": "35", "target": 3},
        {"numbers": [3], "target": True},
        {"numbers": [3], "target": None},
    ],
)
def test_bad_golds_are_named(gold: dict) -> None:
    assert Countdown.gold_problem(gold) is not None


@given(st.lists(st.integers(0, 30), min_size=2, max_size=6), st.integers(0, 10**6))
def test_combining_gives_the_value_of_the_tree(numbers: list[int], seed: int) -> None:
    result, tree = combine(random.Random(seed), numbers)
    assume(result < 10**9)
    assert value(tree) == value(parse(render(tree))) == result


@pytest.mark.parametrize(
    ("answer", "spelt"),
    [
        ("3 * 5", "(3 * 5)"),
        ("(5*3)", "(3 * 5)"),
        ("5 × 3 = 15", "(3 * 5)"),
        ("1 + (2 + 3)", "(1 + 2 + 3)"),
        ("(3 + 1) + 2", "(1 + 2 + 3)"),
        ("(1 + 2) * 3 - 4", "(((1 + 2) * 3) - 4)"),
        ("4 - 3", "(4 - 3)"),
        ("fifteen  or so", "fifteen or so"),
        ("", ""),
    ],
)
def test_the_same_expression_has_one_spelling(answer: str, spelt: str) -> None:
    assert Countdown.canonical(answer) == spelt


@given(st.lists(st.integers(0, 30), min_size=2, max_size=6), st.integers(0, 10**6))
def test_a_spelling_keeps_the_value_and_is_its_own(numbers: list[int], seed: int) -> None:
    _, tree = combine(random.Random(seed), numbers)
    spelt = Countdown.canonical(render(tree))
    assert value(parse(spelt)) == value(tree)
    assert Countdown.canonical(spelt) == spelt


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        ("3 * 5 + 8", True),
        ("8 + 5 * 3 = 23", True),
        ("3 * 5", False),
        ("3 * 5 + 8 + 8", False),
        ("3 * 5 + 9", False),
        ("no idea", False),
        ("", False),
        ("1 + " * 400 + "1", False),
    ],
)
def test_whether_all_numbers_are_used(answer: str, whole: bool) -> None:
    assert Countdown.uses_all({"numbers": [3, 5, 8], "target": 23}, answer) is whole
