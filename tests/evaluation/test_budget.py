import pytest

from sfray.evaluation.budget import answered_at, budgets, solved
from sfray.grammar import Pair, render
from tests.evaluation.rows import RIGHT, WRONG, completion, question

_Q = question(0)


def test_an_answer_at_the_end_takes_all_tokens():
    text = render([Pair(RIGHT, "<verdict>Correct</verdict>")], [], "So:", "3 * 5")
    assert answered_at(completion(_Q, 0, text, 90)) == 90
    assert answered_at(completion(_Q, 0, text + "\n\n", 90), count=len) == 90


def test_what_follows_the_answer_is_not_needed():
    text = "<answer>3 * 5</answer>" + " and so on" * 10
    assert len(text) == 122
    assert answered_at(completion(_Q, 0, text, 61)) == 11
    assert answered_at(completion(_Q, 0, text, 61), count=lambda t: len(t) // 2) == 11
    assert answered_at(completion(_Q, 0, text, 15), count=len) == 15


@pytest.mark.parametrize("text", [WRONG, "no idea", "<think><sample>" + RIGHT])
def test_no_budget_makes_a_wrong_response_right(text):
    assert answered_at(completion(_Q, 0, text, 10)) is None


def test_budgets_reach_the_longest():
    assert budgets(0) == [1]
    assert budgets(3) == [1, 2, 3]
    assert budgets(96) == list(range(2, 97, 2))
    assert budgets(97)[-1] == 99
    assert len(budgets(1_280)) == 48


def test_solved_counts_answers_within_each_budget():
    assert solved([30, None, 10, 30], [9, 10, 29, 30, 99]).tolist() == [0, 1, 1, 3, 3]
    assert solved([None], [5]).tolist() == [0]
