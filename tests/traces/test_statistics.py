"""Statistics of a trace set, by hand."""

from __future__ import annotations

import json

import pytest

from sfray.traces.drawing import Drawn
from sfray.traces.format import Draft
from sfray.traces.plan import Plan, Step
from sfray.traces.statistics import Statistics, contradicts
from tests.traces.rows import attempt, reflection


def draft(shape: str) -> Draft:
    attempts = [attempt(i, letter == "C") for i, letter in enumerate(shape)]
    steps = tuple(Step(a, reflection(a)) for a in attempts)
    return Draft(Plan(steps), tuple("again" for _ in shape[1:]), "", "so")


def test_summary() -> None:
    statistics = Statistics()
    for shape, tokens in (("C", 63), ("IC", 64), ("CIC", 130)):
        statistics.add_trace(draft(shape), tokens)
    for shape, fits in (("C", True), ("IC", True), ("IIC", True), ("IIC", False)):
        plan = draft(shape).plan
        statistics.add_drawn(Drawn(plan, plan, plan if fits else None, 2 if shape == "IIC" else 1))
    for traces in (0, 1, 2):
        statistics.add_question("countdown-3", traces)
    statistics.totals.update({"skipped.no_answer": 4})
    assert statistics.summary() == {
        "traces": 3,
        "questions_with_traces": 2,
        "redrawn": 1,
        "given_up": 1,
        "left_out": 0,
        "skipped": {"no_answer": 4},
        "questions": {
            "countdown-3": {
                "questions": 3,
                "with_traces": 2,
                "traces": 3,
                "per_question": {"mean": 1.0, "max": 2},
                "histogram": {"0": 1, "1": 1, "2": 1},
            }
        },
        "attempts_per_trace": {"mean": 2.0, "histogram": {"1": 1, "2": 1, "3": 1}},
        "mix": {"1,0": 1, "1,1": 1, "2,1": 1},
        "mix_drawn": {"1,0": 1, "1,1": 1, "1,2": 2},
        "with_incorrect": {"drawn": 0.75, "kept": 0.666667},
        "correct_by_position": {"1": 0.666667, "2": 0.5, "3": 1.0},
        "skills": {"reflection": {"traces": 3, "segments": 6}},
        "phrases": {"again": 3, "so": 3},
        "tokens": {"total": 257, "mean": 85.666667, "bin": 64, "histogram": {"0": 1, "64": 1, "128": 1}},
        "silver": {},
    }


def test_empty_summary_has_no_rates() -> None:
    summary = Statistics().summary()
    assert summary["attempts_per_trace"] == {"mean": None, "histogram": {}}
    assert summary["correct_by_position"] == {}


def test_shards_add_up_and_survive_json() -> None:
    whole, first, second = Statistics(), Statistics(), Statistics()
    for statistics in (whole, first):
        statistics.add_trace(draft("IC"), 100)
    for statistics in (whole, second):
        statistics.add_trace(draft("CC"), 200)
    merged = Statistics()
    for statistics in (first, second):
        merged.merge(json.loads(json.dumps(statistics.as_dict())))
    assert merged.summary() == whole.summary()


def step(text: str, said: str, correct: bool, verdict: str, reason: str = "wrong_value", answer: str = "x") -> Step:
    one = attempt(0, correct, text=text, reason="correct" if correct else reason, answer=answer)
    return Step(one, reflection(one, text=said, verdict=verdict))


def test_silver_counts_each_text_once() -> None:
    wrong = step("3 + 5 = 9. <answer>3 + 5</answer>", "3 + 5 = 8. <verdict>Correct</verdict>", True, "Correct")
    again = Step(wrong.attempt, reflection(wrong.attempt, 1, text="3 + 5 = 7.", verdict="Correct"))
    silent = step("I guess. <answer>8</answer>", "no", False, "Incorrect")
    statistics = Statistics()
    statistics.add_silver("countdown", 8, {"a": wrong, "b": again, "c": silent})
    assert statistics.summary()["silver"] == {
        "countdown.attempt_correct": {
            "texts": 1, "with_arithmetic": 1, "wrong_arithmetic": 1, "wrong_arithmetic_rate": 1.0,
        },
        "countdown.attempt_incorrect": {
            "texts": 1, "with_arithmetic": 0, "wrong_arithmetic": 0, "wrong_arithmetic_rate": None,
        },
        "countdown.reflection": {
            "contradiction": 1, "texts": 3, "with_arithmetic": 2, "wrong_arithmetic": 1,
            "wrong_arithmetic_rate": 0.5, "contradiction_rate": 0.5,
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "target", "correct", "verdict", "reason", "answer", "expected"),
    [
        (64, 64, True, "Correct", "", "8 * 8", False),
        (63, 64, True, "Correct", "", "8 * 8", True),
        (63, 64, False, "Incorrect", "wrong_value", "9 * 7", False),
        (64, 64, False, "Incorrect", "wrong_value", "9 * 7", True),
        (64, 64, False, "Incorrect", "wrong_numbers", "8 * 8", False),
        (408, None, True, "Correct", "", "408", False),
        (400, None, True, "Correct", "", "408.", True),
        (408, None, False, "Incorrect", "wrong_value", "418", False),
        (418, None, False, "Incorrect", "wrong_value", "418", True),
        (418, None, False, "Incorrect", "wrong_value", "no number", False),
    ],
)
def test_contradictions(value, target, correct, verdict, reason, answer, expected) -> None:
    assert contradicts(step("", "", correct, verdict, reason, answer), value, target) is expected


def test_nothing_to_contradict_without_a_verdict() -> None:
    one = attempt(0, True)
    assert contradicts(Step(one, None), 1, 2) is False
    assert contradicts(Step(one, reflection(one, verdict=None)), 1, 2) is False
