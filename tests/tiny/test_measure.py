"""Measuring: the figures mean what the model card says."""

import pytest

from sfray.seeds import split_of
from sfray.tiny.measure import Try, f1, is_single, precision, problems, summary


def tries(*pairs):
    return [Try(3, "plain", "a</answer>", correct, "r</verdict>", verdict) for correct, verdict in pairs]


def test_f1():
    found = tries((True, True), (True, True), (True, False), (False, True), (False, False), (False, None))
    assert f1(found, True) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert f1(found, False) == pytest.approx(2 * 1 / (2 * 1 + 1 + 2))
    assert f1(tries((False, False)), True) == 0.0


def test_problems_are_of_the_eval_split_and_differ():
    found = problems(3, 50, seed=1)
    keys = {p.key for p in found}
    assert len(keys) == 50
    assert {split_of(key) for key in keys} == {"eval"}
    assert found == problems(3, 50, seed=1) != problems(3, 50, seed=2)


def test_precision():
    found = tries((True, True), (True, True), (True, False), (False, True), (False, False), (False, None))
    assert precision(found) == pytest.approx(2 / 3, abs=1e-4)
    assert precision(tries((True, False))) == 0.0


@pytest.mark.parametrize(
    ("text", "single"),
    [
        ("3 + 5. <answer>3 + 5</answer>", True),
        ("<answer>3</answer> No. <answer>5</answer>", False),
        ("<answer>3</answer> and more", False),
        ("<sample><answer>3</answer>", False),
        ("3 + 5", False),
    ],
)
def test_is_single(text, single):
    assert is_single(text, "</answer>") == single


def test_summary():
    found = [*tries((True, True), (False, None)), Try(4, "plan", "x</answer> y", False)]
    figures = summary(found)
    assert figures["accuracy"] == {"3": 0.5, "4": 0.0}
    assert figures["accuracy_by_variant"] == {"plain": {"3": 0.5, "4": 0.0}, "plan": {"3": 0.0, "4": 0.0}}
    assert figures["precision"] == {"3": 1.0}
    assert figures["verdict_missing"] == {"3": 0.5}
    assert list(figures["verdict_f1"]) == ["3"]
    assert figures["single_answer"] == pytest.approx(2 / 3, abs=1e-3)
    assert figures["single_verdict"] == 1.0
