"""Failed attempts of others: they fail, differ, and say nothing of each other."""

import re
from collections import Counter

import pytest

from sfray.grammar import STRUCTURAL_TAG
from sfray.seeds import rng
from sfray.tasks.countdown import Countdown
from sfray.tiny import attempts, crowd
from sfray.tiny.corpus import problem
from sfray.tiny.crowd import Crowding


@pytest.mark.parametrize("size", [3, 4, 5, 6])
def test_they_fail_and_differ(size):
    source = rng("test", "crowd", size)
    for _ in range(30):
        puzzle = problem(source, size)
        failed = crowd.failures(source, puzzle, 5)
        gold = {"numbers": list(puzzle.numbers), "target": puzzle.target}
        answers = [attempt.expression for attempt in failed]
        assert len(failed) == 5
        assert not any(Countdown.judge(gold, answer).correct for answer in answers)
        assert len(set(answers)) == len(answers)


def test_how_many():
    source = rng("test")
    assert [len(crowd.failures(source, problem(source, 4), count)) for count in (1, 3, 7)] == [1, 3, 7]


def test_a_crowd_is_drawn_by_its_share_and_sizes():
    source = rng("test", "share")
    crowding = Crowding(0.4, {2: 25, 7: 75})
    counts = Counter(len(crowding.draw(source, problem(source, 4))) for _ in range(1_000))
    assert set(counts) == {0, 2, 7}
    assert counts[0] / 1_000 == pytest.approx(0.6, abs=0.05)
    assert counts[7] / (counts[2] + counts[7]) == pytest.approx(0.75, abs=0.07)


def test_a_repeated_attempt_is_worked_again():
    source = rng("test", "unlike")
    puzzle = problem(source, 4)
    first = attempts.work(source, puzzle, "miss")
    again = crowd.unlike(source, puzzle, first, [first])
    assert again.expression != first.expression
    assert again.outcome == "miss"
    assert crowd.unlike(source, puzzle, again, [first]) is again


def test_an_answer_that_cannot_differ_is_kept():
    source = rng("test", "same")
    puzzle = problem(source, 4)
    hit = attempts.work(source, puzzle, "hit")
    assert crowd.unlike(source, puzzle, hit, [hit]).expression == hit.expression


def test_a_listing_holds_attempts_and_no_check():
    source = rng("test", "listing")
    for _ in range(50):
        puzzle = problem(source, 4)
        failed = crowd.failures(source, puzzle, 3)
        lead, _, rest = crowd.listing(source, puzzle, failed).partition("\n")
        assert lead in crowd.LEADS
        assert re.findall("<answer>([^<]+)</answer>", rest) == [attempt.expression for attempt in failed]
        assert "verdict" not in rest
        assert not STRUCTURAL_TAG.search(rest)


def test_the_question_comes_before_or_after():
    found = {crowd.joined(rng("test", i), "Q", "L") for i in range(20)}
    assert found == {"Q\n\nL", "L\n\nQ"}
