import random
from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.evaluation import passk
from sfray.evaluation.passk import Ballot, own_verdict, pass_at
from sfray.evaluation.skills import read
from sfray.grammar import Pair, render
from tests.evaluation.rows import RIGHT, WRONG, completion, question

_Q = question(0)


def skills(row):
    return read(row.text, row.task, _Q.gold, row.answer)


_YES, _NO = "<verdict>Correct</verdict>", "<verdict>Incorrect</verdict>"

answers = st.lists(
    st.tuples(st.booleans(), st.integers(1, 9), st.sampled_from([-1, 0, 1, 2]), st.integers(0, 2)),
    min_size=1,
    max_size=6,
)


def ballot(rows) -> Ballot:
    """Answers that are right when their number is even, as one verifier would have it."""
    given = sorted({c for _, _, c, _ in rows if c >= 0})
    return Ballot(
        "countdown-3:eval:000000",
        np.array([c in (0, 2) for _, _, c, _ in rows]),
        np.array([t for _, t, _, _ in rows]),
        np.array([given.index(c) if c >= 0 else -1 for _, _, c, _ in rows]),
        np.array([w for _, _, _, w in rows]),
    )


def vote(b: Ballot, drawn, weights) -> float:
    """The election, one vote after the other."""
    support: dict[int, int] = {}
    for i in drawn:
        if b.choices[i] >= 0:
            support[b.choices[i]] = support.get(b.choices[i], 0) + weights[i]
    if not support:
        return 0.0
    winners = [c for c, s in support.items() if s == max(support.values())]
    right = dict(zip(b.choices, b.right, strict=True))
    return sum(bool(right[c]) for c in winners) / len(winners)


@given(st.integers(1, 9), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_answer(n, data):
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(combinations([True] * right + [False] * (n - right), k))
    assert pass_at(n, right, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_by_hand():
    assert pass_at(4, 1, 1) == pytest.approx(0.25)
    assert pass_at(4, 1, 2) == pytest.approx(0.5)
    assert pass_at(4, 3, 2) == 1.0
    assert pass_at(4, 0, 4) == 0.0
    assert pass_at(10_000, 1, 100) == pytest.approx(0.01)
    for bad in ((4, 5, 1), (4, 1, 5), (4, 1, 0)):
        with pytest.raises(ValueError, match=r"1 <= k <= n"):
            pass_at(*bad)


@given(answers, st.data())
def test_votes_are_the_mean_over_every_draw(rows, data):
    b = ballot(rows)
    k = data.draw(st.integers(1, len(rows)))
    draws = list(combinations(range(len(rows)), k))
    score = b.at(k)
    assert score.one == pytest.approx(sum(b.right[list(d)].any() for d in draws) / len(draws))
    assert score.majority == pytest.approx(sum(vote(b, d, [1] * len(rows)) for d in draws) / len(draws))
    assert score.verified == pytest.approx(sum(vote(b, d, b.weights) for d in draws) / len(draws))
    assert score.answers == pytest.approx(k)


@given(answers, st.integers(0, 30))
def test_votes_within_a_budget_are_the_mean_over_every_order(rows, budget):
    b = ballot(rows)
    ones, majorities, verified, sizes = [], [], [], []
    for order in permutations(range(len(rows))):
        drawn, spent = [], 0
        for i in order:
            spent += int(b.tokens[i])
            if spent > budget:
                break
            drawn.append(i)
        ones.append(b.right[drawn].any())
        majorities.append(vote(b, drawn, [1] * len(rows)))
        verified.append(vote(b, drawn, b.weights))
        sizes.append(len(drawn))
    score = b.within(budget)
    assert score.one == pytest.approx(np.mean(ones))
    assert score.majority == pytest.approx(np.mean(majorities))
    assert score.verified == pytest.approx(np.mean(verified))
    assert score.answers == pytest.approx(np.mean(sizes))
    assert b.fills(budget) == (sum(b.tokens) >= budget)


def test_many_draws_are_taken_at_random_from_the_questions_name():
    draw = random.Random(1)
    rows = [(True, draw.randint(5, 20), draw.choice([-1, 0, 1, 1, 2, 3]), draw.randint(0, 2)) for _ in range(20)]
    b = ballot(rows)
    assert comb(20, 8) > passk.EXACT
    score = b.at(8)
    assert b.at(8) == score
    every = [vote(b, d, [1] * 20) for d in combinations(range(20), 8)]
    error = np.std(every) / passk.SAMPLED**0.5
    assert abs(score.majority - np.mean(every)) < 4 * error
    assert score.answers == pytest.approx(8)
    within = b.within(60)
    assert b.within(60) == within
    assert 60 / 20 <= within.answers <= 60 / 5


def test_answers_that_differ_in_spelling_are_counted_together():
    texts = ["<answer>3 * 5</answer>", "<answer>(5*3)</answer>", "<answer>3 + 5</answer>", "no idea"]
    rows = [completion(_Q, k, text, 10 + k) for k, text in enumerate(texts)]
    b = Ballot.of(rows, list(map(skills, rows)))
    assert b.choices.tolist() == [0, 0, 1, -1]
    assert b.right.tolist() == [True, True, False, False]
    assert b.tokens.tolist() == [10, 11, 12, 13]
    assert b.at(3).majority == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)


@pytest.mark.parametrize(
    ("pairs", "answer", "weight"),
    [
        ([(RIGHT, _YES)], "3 * 5", 2),
        ([(RIGHT, _NO)], "3 * 5", 0),
        ([(RIGHT, "hm")], "3 * 5", 1),
        ([(RIGHT, None)], "3 * 5", 1),
        ([(WRONG, _NO), (RIGHT, _YES)], "3 + 5", 0),
        ([(WRONG, _NO), (RIGHT, _YES)], "5 * 3", 2),
        ([(RIGHT, _NO), (RIGHT, _YES)], "3 * 5", 2),
        ([(RIGHT, _YES), (RIGHT, "hm")], "3 * 5", 2),
        ([(WRONG, _YES)], "3 * 5", 1),
    ],
)
def test_the_last_verdict_on_the_final_answer_weighs_it(pairs, answer, weight):
    text = render([Pair(a, r) for a, r in pairs], ["Again."] * (len(pairs) - 1), "So:", answer)
    row = completion(_Q, 0, text)
    assert own_verdict(row, skills(row)) == weight


def test_a_response_without_an_answer_has_no_say():
    row = completion(_Q, 0, "no idea")
    assert own_verdict(row, skills(row)) == 1
    b = Ballot.of([row, row], [skills(row)] * 2)
    assert b.at(2) == passk.Score(0.0, 0.0, 0.0, 2.0)
