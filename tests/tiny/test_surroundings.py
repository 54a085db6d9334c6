"""What stands before a question: it is there, and the question stays the same."""

import re

import pytest

from sfray.tasks.countdown import question_text
from sfray.tiny.corpus import solve_messages
from sfray.tiny.measure import problems
from sfray.tiny.surroundings import NAMES, chat

(PUZZLE,) = problems(4, 1, seed=5)
ASKED = solve_messages(question_text(PUZZLE.numbers, PUZZLE.target), "plain")


def test_names():
    assert list(NAMES) == ["alone", "2 pairs", "6 pairs", "1 failures", "2 failures", "3 failures"]


def test_alone():
    assert chat(PUZZLE, "alone", 0) == ASKED


@pytest.mark.parametrize("count", [2, 6])
def test_pairs_come_before(count):
    messages = chat(PUZZLE, f"{count} pairs", 0)
    assert [m["role"] for m in messages] == ["user", "assistant"] * count + ["user"]
    assert messages[-1:] == ASKED
    assert len({m["content"] for m in messages}) == len(messages)
    assert all(m["content"].endswith("</answer>") for m in messages if m["role"] == "assistant")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_failures_are_in_the_users_turn(count):
    (message,) = chat(PUZZLE, f"{count} failures", 0)
    assert message["role"] == "user"
    assert ASKED[-1]["content"] in message["content"]
    assert len(re.findall("</answer>", message["content"])) == count


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides(name):
    assert chat(PUZZLE, name, 0) == chat(PUZZLE, name, 0)
    assert (chat(PUZZLE, name, 0) == chat(PUZZLE, name, 1)) == (name == "alone")
