from dataclasses import replace

import pytest

from sfray.evaluation.scorecard import DEEPEST, Tally, card
from sfray.evaluation.skills import read
from sfray.grammar import Pair, render
from tests.evaluation.rows import RIGHT, WRONG, completion, question

_Q = question(0)
_YES, _NO = "<verdict>Correct</verdict>", "<verdict>Incorrect</verdict>"
_PARTLY = "<answer>15</answer>"


def response(*pairs: tuple[str, str | None], answer: str = "3 * 5") -> str:
    return render([Pair(a, r) for a, r in pairs], ["Again."] * (len(pairs) - 1), "So:", answer)


def tally(*texts: str, tokens: int = 10, finish: str = "stop") -> Tally:
    made = Tally()
    for k, text in enumerate(texts):
        row = completion(_Q, k, text, tokens, finish)
        made.add(row, read(text, row.task, _Q.gold, row.answer), _Q.gold)
    return made


def means(figures: dict) -> dict:
    return {k: v["mean"] for k, v in figures.items() if isinstance(v, dict) and "mean" in v}


def test_a_plain_answer_is_its_own_first_attempt():
    t = tally(RIGHT, WRONG, "no idea")
    assert (t.trials, t.correct, t.first, t.gained, t.lost, t.answers) == (3, 1, 1, 0, 0, 2)
    assert (t.valid, t.reflections, t.verified, t.rechecks) == (0, 0, 0, 0)
    assert t.depths[:, 0].tolist() == [2, 1, 2, 2]
    assert t.depths[:, 1:].sum() == 0


def test_turns_from_wrong_to_right_and_back():
    fixed = response((WRONG, _NO), (RIGHT, _YES))
    spoiled = response((RIGHT, _NO), (WRONG, _YES), answer="3 + 5")
    kept = response((RIGHT, _YES))
    t = tally(fixed, spoiled, kept)
    assert (t.first, t.correct, t.gained, t.lost) == (2, 2, 1, 1)
    assert t.depths[:, :2].tolist() == [[3, 2], [2, 1], [3, 2], [3, 2]]


def test_checks_after_a_right_verified_answer():
    t = tally(
        response((RIGHT, _YES)),  # none
        response((RIGHT, _YES), (RIGHT, _YES), (WRONG, _NO)),  # two
        response((RIGHT, _NO), (RIGHT, "hm"), (WRONG, _YES)),  # never verified
        response((RIGHT, _NO), (RIGHT, _YES), (RIGHT, None)),  # none
    )
    assert (t.verified, t.rechecks) == (3, 2)


def test_cut_responses_have_not_stopped():
    cut = response((WRONG, _NO), (RIGHT, _YES)).partition("</think>")[0]
    t = tally(response((RIGHT, _YES))) + tally(cut, finish="length")
    assert (t.trials, t.truncated, t.stopped, t.stopped_answers, t.answers) == (2, 1, 1, 1, 3)
    assert (t.correct, t.lost, t.gained) == (1, 0, 0)


def test_attempts_that_leave_numbers_out():
    t = tally(response((_PARTLY, _NO), ("no answer", _NO), (RIGHT, _YES)))
    assert t.depths[:, :3].tolist() == [[1, 1, 1], [0, 0, 1], [1, 1, 1], [0, 0, 1]]


def test_attempts_beyond_the_tenth_have_no_figures():
    t = tally(response(*[(WRONG, _NO)] * (DEEPEST + 2), (RIGHT, _YES)))
    assert t.answers == DEEPEST + 3
    assert t.depths[0].tolist() == [1] * DEEPEST


def test_tasks_without_that_question_have_no_share_of_numbers():
    gold = '{"answer": "2"}'
    row = completion(_Q, 0, "<answer>2</answer>")
    made = Tally()
    row = replace(row, task="gsm8k", correct=True, reason="correct")
    made.add(row, read(row.text, row.task, gold, row.answer), gold)
    assert made.depths[:, 0].tolist() == [1, 1, 0, 0]
    assert card([made])["uses_all"] is None


def test_the_card_by_hand():
    fixed, plain = response((WRONG, _NO), (RIGHT, _YES)), response((RIGHT, _YES), (RIGHT, _YES))
    figures = card([tally(fixed, plain, tokens=30), tally(WRONG, WRONG, tokens=5)])
    assert means(figures) == pytest.approx(
        {
            "attempts": 6 / 4,
            "attempts_until_stop": 6 / 4,
            "reflections": 4 / 4,
            "reflecting": 0.5,
            "first_attempt": 0.25,
            "final_answer": 0.5,
            "gain": 0.25,
            "incorrect_to_correct": 0.25,
            "correct_to_incorrect": 0.0,
            "checks_after_verified": 0.5,
            "uses_all": 1.0,
            "tokens_per_response": 70 / 4,
            "tokens_per_solved": 70 / 2,
            "valid_grammar": 0.5,
            "truncated": 0.0,
        }
    )
    assert figures["responses"] == 4
    assert figures["verdicts"]["correct"]["precision"]["mean"] == 1.0
    assert [(d["attempt"], d["responses"], d["accuracy"]["mean"]) for d in figures["by_attempt"]] == [
        (1, 4, 0.25), (2, 2, 1.0)
    ]  # fmt: skip


def test_the_gain_is_what_was_won_less_what_was_lost():
    worse, better = response((RIGHT, _NO), (WRONG, _YES), answer="3 + 5"), response((WRONG, _NO), (RIGHT, _YES))
    figures = card([tally(worse), tally(better, RIGHT)])  # questions count alike, however many responses they have
    assert figures["incorrect_to_correct"]["mean"] == 0.25
    assert figures["correct_to_incorrect"]["mean"] == 0.5
    assert figures["gain"]["mean"] == -0.25


def test_nothing_has_no_figures():
    figures = card([Tally(), Tally()])
    assert figures["responses"] == 0
    assert figures["by_attempt"] == []
    assert {k for k, v in figures.items() if v is not None} == {"responses", "verdicts", "by_attempt"}
