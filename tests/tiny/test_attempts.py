"""Attempts: their outcomes are what they are named after."""

from collections import Counter

import pytest

from sfray.seeds import rng
from sfray.tasks.countdown import Problem
from sfray.tasks.expression import literals, parse, value
from sfray.tiny.attempts import OUTCOMES, VARIANTS, listed, work, write
from sfray.tiny.corpus import problem

PUZZLE = Problem((3, 5, 8), 64, ("*", ("+", 3, 5), 8))


def over(attempt, puzzle):
    """The literals of an attempt that are not given (often enough)."""
    return Counter(literals(attempt.tree)) - Counter(puzzle.numbers)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcomes(outcome, size):
    source = rng("test", outcome, size)
    for _ in range(30):
        puzzle = problem(source, size)
        attempt = work(source, puzzle, outcome)
        reaches = value(attempt.tree) == puzzle.target
        claims = attempt.lines[-1].endswith(f" = {puzzle.target}")
        assert value(attempt.tree) == attempt.value
        if outcome in ("hit", "blank"):
            assert (reaches, claims, over(attempt, puzzle)) == (True, True, Counter())
        elif outcome == "miss":
            assert (reaches, claims, over(attempt, puzzle)) == (False, False, Counter())
        elif outcome in ("slip", "lapse"):
            assert (reaches, claims, over(attempt, puzzle)) == (False, True, Counter())
        elif outcome == "stray":
            assert set(over(attempt, puzzle)) - set(puzzle.numbers)
        else:
            assert set(over(attempt, puzzle)) & set(puzzle.numbers)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_answer_is_the_tree(variant):
    source = rng("test", variant)
    for _ in range(50):
        puzzle = problem(source, 4)
        attempt = work(source, puzzle, "miss")
        text = write(source, puzzle, attempt, variant)
        answer = text.rsplit("<answer>", 1)[1].removesuffix("</answer>")
        assert text.count("<answer>") == 1
        assert value(parse(answer)) == attempt.value


def test_a_lapse_is_one_wrong_step_before_the_last():
    source = rng("test", "lapses")
    seen = 0
    for _ in range(100):
        attempt = work(source, problem(source, 4), "lapse")
        wrong = [i for i, line in enumerate(attempt.lines) if not holds(line)]
        last = len(attempt.lines) - 1
        assert len(wrong) == 1
        assert (wrong[0] < last) == (attempt.outcome == "lapse")
        seen += attempt.outcome == "lapse"
    assert seen > 50


def holds(line):
    """Whether a step is right arithmetic."""
    x, op, y, _, result = line.split(" ")
    x, y = int(x), int(y)
    return int(result) == {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else None}[op]


def test_blank_has_no_answer():
    attempt = work(rng("test"), PUZZLE, "blank")
    assert write(rng("test"), PUZZLE, attempt, "plan").endswith("8 * 8 = 64.")


@pytest.mark.parametrize(
    ("variant", "text"),
    [
        ("plain", "3 + 5 = 8, 8 * 8 = 64."),
        ("plan", "lan: add 3 and 5, then multiply by 8. 3 + 5 = 8, 8 * 8 = 64."),
        ("alternatives", ": 3 + 5 = 8, 8 * 8 = 64."),
        ("restate", "3, 5 and 8"),
    ],
)
def test_styles(variant, text):
    source = rng("test", "styles", variant)
    written = write(source, PUZZLE, work(source, PUZZLE, "hit"), variant)
    assert text in written
    assert written.endswith("<answer>(3 + 5) * 8</answer>")
    assert ("Alternatively" in written) == (variant == "alternatives")


def test_plan_names_every_kind_of_move():
    tree = ("-", 20, ("/", ("*", ("+", 1, 2), ("-", 9, 4)), 5))
    puzzle = Problem((20, 1, 2, 9, 4, 5), 17, tree)
    text = write(rng("test"), puzzle, work(rng("test"), puzzle, "hit"), "plan")
    assert (
        "lan: add 1 and 2, then subtract 4 from 9, then multiply both, then divide by 5, then subtract it from 20. "
        in text
    )


def test_listed():
    assert [listed([3]), listed([3, 5]), listed([3, 5, 8])] == ["3", "3 and 5", "3, 5 and 8"]
