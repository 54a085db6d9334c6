"""The analysis of ``experiment=headline``, on runs whose endpoints can be worked out by hand."""

import numpy as np
import pytest

from benchmarks import headline
from sfray.evaluation.outcomes import Outcomes
from tests.evaluation.rows import RIGHT, WRONG, completion, question

ASKED = [question(10 * int(level) + i, level=level) for level in "3456" for i in range(8)]


def run(tmp_path, seed, ours, theirs):
    """Every question answered twice by each arm; ours and theirs by level, the rest wrong."""
    rows = {}
    for arm in headline.ARMS:
        texts = {"skillfactory": ours, "rl_only": theirs}.get(arm, {})
        rows[arm] = [
            completion(q, k, texts.get(q.level, [WRONG])[(2 * i + k) % len(texts.get(q.level, [WRONG]))], 20)
            for i, q in enumerate(ASKED)
            for k in (0, 1)
        ]
    return Outcomes(tmp_path / str(seed), f"headline-seed{seed}", seed, {q.id: q for q in ASKED}, rows)


def test_endpoints_by_hand(tmp_path):
    half = [RIGHT, WRONG]
    runs = [
        run(tmp_path, 1, {"3": [RIGHT], "5": [RIGHT], "6": half}, {"3": half}),
        run(tmp_path, 2, {"3": [RIGHT], "5": half}, {"3": half}),
    ]
    found = headline.analysis(runs)
    endpoint = found["endpoint"]
    assert found["seeds"] == [1, 2]
    assert endpoint["by_seed"] == [0.75, 0.25]
    assert endpoint["value"] == 0.5
    assert 0.2 < endpoint["low"] < 0.5 < endpoint["high"] < 0.8
    assert endpoint["success"]
    second = found["second_endpoint"]
    assert second["against_rl_only"]["by_seed"] == [0.25, 0.25]
    # 20 tokens buy one of their two answers, which is right half of the time on 3 numbers.
    assert second["against_its_votes"]["tokens"] == {"countdown-3": 20, "countdown-4": 20}
    assert second["against_its_votes"]["by_seed"] == [0.25, 0.25]
    assert found["accuracy"]["skillfactory"]["countdown-6"]["by_seed"] == [0.5, 0.0]


def test_a_gain_in_one_seed_alone_is_no_success(tmp_path):
    runs = [run(tmp_path, 1, {"5": [RIGHT], "6": [RIGHT]}, {}), run(tmp_path, 2, {}, {"5": [RIGHT, WRONG, WRONG]})]
    endpoint = headline.analysis(runs)["endpoint"]
    assert endpoint["value"] > 0
    assert not endpoint["same_sign_in_every_seed"]
    assert not endpoint["success"]


def test_a_loss_is_no_success(tmp_path):
    runs = [run(tmp_path, seed, {}, {"5": [RIGHT], "6": [RIGHT]}) for seed in (1, 2)]
    endpoint = headline.analysis(runs)["endpoint"]
    assert (endpoint["value"], endpoint["high"], endpoint["same_sign_in_every_seed"]) == (-1.0, -1.0, True)
    assert not endpoint["success"]


def test_votes_are_taken_at_our_mean_length(tmp_path):
    one = run(tmp_path, 1, {"3": [RIGHT]}, {"3": [RIGHT]})
    for row in (rows := one.rows["skillfactory"]):
        assert row.tokens == 20
    assert len(rows) == 2 * len(ASKED)
    found = headline.analysis([one])["second_endpoint"]["against_its_votes"]
    assert np.isclose(found["value"], 0.0)


def test_an_arm_that_is_missing_is_an_error(tmp_path):
    one = run(tmp_path, 1, {}, {})
    rows = {arm: there for arm, there in one.rows.items() if arm != "star"}
    with pytest.raises(ValueError, match="no model 'star' was evaluated"):
        headline.analysis([Outcomes(one.folder, one.name, one.seed, one.questions, rows)])
