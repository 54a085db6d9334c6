import json
from dataclasses import replace

import numpy as np
import pytest

from sfray.evaluation.findings import findings
from sfray.evaluation.outcomes import Outcomes
from sfray.evaluation.study import Study
from sfray.grammar import Pair, render
from tests.evaluation.rows import RIGHT, WRONG, completion, question

_TRACE = render(
    [Pair(WRONG, "<verdict>Incorrect</verdict>"), Pair(RIGHT, "<verdict>Correct</verdict>")], ["Again."], "So:", "3 * 5"
)
_ASKED = [*(question(i) for i in range(4)), *(question(i, level="4") for i in range(2))]


def run(tmp_path, name, seed, texts, asked=_ASKED, tokens=20):
    """Each question answered twice: by the texts in turn."""
    rows = [completion(q, k, texts[(2 * i + k) % len(texts)], tokens) for i, q in enumerate(asked) for k in (0, 1)]
    return Outcomes(tmp_path / name, name, seed, {q.id: q for q in asked}, {"grpo": rows})


@pytest.fixture
def study(tmp_path):
    mine = {0: [_TRACE], 1: [_TRACE, WRONG]}
    theirs = {0: [RIGHT, WRONG, WRONG, WRONG], 1: [WRONG]}
    runs = [(None, run(tmp_path, f"rl_{s}", s, t, tokens=5)) for s, t in theirs.items()]
    return Study.of(runs + [(None, run(tmp_path, f"sf_{s}", s, t)) for s, t in mine.items()])


def test_accuracies_by_hand(study):
    found = findings(study)
    accuracy = found["accuracy"]
    assert list(accuracy["rl"]) == ["countdown-3", "countdown-4", "overall"]
    assert accuracy["sf"]["countdown-3"]["mean"] == 0.75
    assert accuracy["sf"]["countdown-3"]["by_seed"] == [1.0, 0.5]
    assert accuracy["rl"]["countdown-3"]["by_seed"] == [0.25, 0.0]
    assert accuracy["rl"]["overall"]["mean"] == 0.125
    assert (found["seeds"], found["same_questions_in_every_seed"]) == ([0, 1], True)
    assert found["questions"] == {"countdown-3": [4, 4], "countdown-4": [2, 2]}
    assert found["contenders"]["sf"] == {"0": "sf_0/grpo", "1": "sf_1/grpo"}


def test_rates_keep_a_width_where_all_draws_are_alike(tmp_path):
    study = Study.of([(None, run(tmp_path, "a", 0, [RIGHT])), (None, run(tmp_path, "b", 0, [WRONG]))])
    accuracy = findings(study)["accuracy"]
    assert accuracy["b"]["countdown-3"]["low"] == accuracy["b"]["countdown-3"]["mean"] == 0.0
    assert accuracy["b"]["countdown-3"]["high"] > 0.3
    assert accuracy["a"]["countdown-3"]["low"] < 0.7


def test_who_answers_more_often_is_not_better_for_it(tmp_path):
    """Eight answers, the last of them right, against one wrong answer: no question tells the two apart."""
    q = [question(i) for i in range(6)]
    texts = {"few": [WRONG], "many": [WRONG] * 7 + [RIGHT]}
    runs = [
        (
            name,
            Outcomes(
                tmp_path / name,
                name,
                0,
                {x.id: x for x in q},
                {"m": [completion(x, k, t) for x in q for k, t in enumerate(said)]},
            ),
        )
        for name, said in texts.items()
    ]
    (found,) = findings(Study.of(runs))["differences"]
    assert (found["mean"], found["better"], found["worse"], found["p"]) == (0.125, 0, 0, 1.0)


def test_differences_by_hand(study):
    (three, four, overall) = findings(study)["differences"]
    assert (three["ours"], three["minus"], three["group"]) == ("sf", "rl", "countdown-3")
    assert (three["mean"], three["by_seed"]) == (0.625, [0.75, 0.5])
    assert three["same_sign_in_every_seed"]
    assert (three["better"], three["worse"], three["p"]) == (4, 0, 0.125)
    assert (four["better"], four["p"]) == (2, 0.5)
    assert (overall["better"], overall["p"]) == (6, pytest.approx(2 / 2**6))
    assert [d["p_holm"] for d in (three, four, overall)] == [0.25, 0.5, 3 * 2 / 2**6]
    assert 0.4 < three["low"] < 0.625 < three["high"] < 0.9


def test_the_same_draws_serve_both_so_pairs_stay_together(tmp_path):
    """Two models that differ by one and the same gap on every question leave no doubt about it."""
    chances = [[RIGHT, RIGHT], [RIGHT, WRONG]]
    asked = [question(i) for i in range(30)]
    study = Study.of([(None, run(tmp_path, n, 0, t, asked)) for n, t in zip("ab", chances, strict=True)])
    (only,) = findings(study)["differences"]
    assert (only["mean"], only["low"], only["high"]) == (-0.5, -0.5, -0.5)


def test_seeds_with_their_own_questions_count_apart(tmp_path):
    asked = [replace(q, text=f"{q.text} Again.") for q in _ASKED]
    runs = [("a", run(tmp_path, "a0", 0, [RIGHT])), ("a", run(tmp_path, "a1", 1, [RIGHT], asked))]
    runs += [("b", run(tmp_path, "b0", 0, [WRONG])), ("b", run(tmp_path, "b1", 1, [WRONG], asked))]
    found = findings(Study.of(runs))
    assert not found["same_questions_in_every_seed"]
    assert found["differences"][0]["worse"] == 8
    assert found["differences"][0]["p"] == pytest.approx(2 / 2**8)


def test_the_scorecard_takes_a_question_once(study):
    card = findings(study)["scorecard"]["sf"]["countdown-3"]
    assert card["responses"] == 16
    assert card["incorrect_to_correct"]["mean"] == 0.75
    assert card["attempts"]["mean"] == 1.75


def test_votes_at_k_and_at_equal_tokens(study):
    votes = findings(study)["votes"]
    at = {entry["k"]: entry for entry in votes["sf"]["countdown-3"]["at"]}
    assert list(at) == [1, 2]
    assert at[1]["pass"]["mean"] == at[1]["majority"]["mean"] == 0.75
    assert (at[2]["pass"]["mean"], at[2]["majority"]["mean"]) == (1.0, 0.75)
    assert at[2]["verified_majority"]["mean"] == 1.0  # the trace is verified, the plain wrong answer is not
    equal = {name: votes[name]["countdown-3"]["equal_tokens"] for name in ("sf", "rl")}
    assert (equal["sf"]["budget"], equal["sf"]["answers"], equal["sf"]["budget_used_up"]) == (20, 1.0, 1.0)
    assert (equal["rl"]["answers"], equal["rl"]["budget_used_up"]) == (2.0, 0.0)
    assert equal["rl"]["pass"]["mean"] == 0.25
    wider = findings(study, tokens=10)["votes"]["rl"]["countdown-3"]["equal_tokens"]
    assert (wider["budget"], wider["budget_used_up"]) == (10, 1.0)


def test_the_curve_rises_to_the_accuracy(study):
    found = findings(study)
    curves = found["budget"]["curves"]
    assert found["budget"]["tokens"] == list(range(1, 21))
    for name, by_group in curves.items():
        for group, curve in by_group.items():
            assert np.all(np.diff(curve["mean"]) >= 0)
            assert curve["mean"][-1] == found["accuracy"][name][group]["mean"]
            assert all(a <= b <= c for a, b, c in zip(curve["low"], curve["mean"], curve["high"], strict=True))
    assert curves["rl"]["countdown-3"]["mean"][4] == 0.125
    assert curves["sf"]["countdown-3"]["mean"][18] == 0.0


def test_findings_are_plain_and_reproducible(study):
    assert json.loads(json.dumps(findings(study))) == findings(study)
