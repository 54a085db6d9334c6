"""What attempts do, one after the other."""

import pytest

from sfray.grammar import Pair, render
from sfray.tasks.countdown import Problem
from sfray.tiny.chain import attempts, by_index, grammar, judge, uses_all

PUZZLE = Problem((3, 5, 8), 64, 0)
WRONG, PART, RIGHT = "<answer>3 + 5 + 8</answer>", "<answer>8 * 8</answer>", "<answer>(3 + 5) * 8</answer>"
TRACE = render([Pair(WRONG, "No."), Pair(PART, "No."), Pair(RIGHT, "Yes.")], ["Again.", "Again."], "So:", "(3 + 5) * 8")


def test_judge():
    assert judge(PUZZLE, "3 + 5 = 8, 8 * 8 = 64. <answer>(3 + 5) * 8</answer>")
    assert not judge(PUZZLE, "<answer>8 * 8</answer>")
    assert not judge(PUZZLE, "(3 + 5) * 8")


@pytest.mark.parametrize(
    ("answer", "used"),
    [
        ("8 - 5 + 3", True),
        ("8 - 5 + 3 = 6", True),
        ("8 * 8", False),
        ("3 + 5", False),
        ("3 + 5 + 8 + 8", False),
        ("3 5 8", False),
    ],
)
def test_uses_all(answer, used):
    assert uses_all(PUZZLE, f"<answer>{answer}</answer>") == used
    assert not uses_all(PUZZLE, answer)


def test_a_number_given_twice_is_used_twice():
    twice = Problem((3, 3, 8), 14, 0)
    assert uses_all(twice, "<answer>3 + 3 + 8</answer>")
    assert not uses_all(twice, "<answer>3 + 8 + 8</answer>")


def test_attempts():
    assert attempts(TRACE) == [WRONG, PART, RIGHT]
    assert attempts(RIGHT) == [RIGHT]


def test_by_index():
    assert by_index([PUZZLE, PUZZLE], [TRACE, RIGHT]) == [
        {"attempts": 2, "correct": 0.5, "all_numbers": 1.0},
        {"attempts": 1, "correct": 0.0, "all_numbers": 0.0},
        {"attempts": 1, "correct": 1.0, "all_numbers": 1.0},
    ]
    assert by_index([], []) == []


def test_grammar():
    assert grammar([PUZZLE, PUZZLE], [TRACE, WRONG]) == {"correct": 0.5, "valid": 0.5}
