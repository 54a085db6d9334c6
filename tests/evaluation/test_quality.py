import json
from dataclasses import replace

import pytest

from sfray.artifacts import Attempts, Questions, Reflections
from sfray.config import Config, QualityConfig
from sfray.evaluation.floors import QualityFloor
from sfray.evaluation.quality import measure, write
from sfray.records import Attempt, Reflection
from tests.evaluation.rows import RIGHT, WRONG, attempt, question, reflection, stage, write_parts, write_questions

_CONFIG, _MODEL = Config(), "./no-such-model"
_A, _B, _HARD = question(0, split="sft"), question(1, split="sft"), question(0, level="4", split="sft")


def _shards():
    """Countdown-3: two questions, two variants; countdown-4: one question, never right."""
    a = [attempt(_A, 0, RIGHT), attempt(_A, 0, WRONG, "plan")]
    b = [attempt(_B, 0, RIGHT), attempt(_B, 0, "cut", "plan", finish="length")]
    hard = [attempt(_HARD, 0, WRONG), attempt(_HARD, 0, RIGHT, "plan", hinted=True)][:1]
    return [
        ([_A], a, [reflection(a[0], 0, "Correct"), reflection(a[1], 0, "Correct")]),
        ([_B], b, [reflection(b[0], 0, "Correct"), reflection(b[1], 0, None)]),
        ([_HARD], hard, [reflection(hard[0], 0, "Incorrect")]),
    ]


def _write(root):
    shards = _shards()
    return (
        Questions(write_questions(root, sft=[q for s in shards for q in s[0]]), "sft"),
        Attempts(write_parts(root, "attempts", Attempt, [s[1] for s in shards])),
        Reflections(write_parts(root, "reflections", Reflection, [s[2] for s in shards])),
    )


def test_figures_by_hand():
    report = measure(_shards(), _CONFIG, _MODEL)
    easy = report["groups"]["countdown-3"]
    assert (easy["questions"], easy["attempts"], easy["reflections"]) == (2, 4, 4)
    assert easy["accuracy"]["mean"] == 0.5
    assert easy["lenient_accuracy"]["mean"] == 0.5
    assert easy["truncated_attempts"] == easy["attempts_without_answer"] == 1
    assert easy["valid_reflections"]["mean"] == 0.5
    assert easy["verdicts"]["correct"]["precision"]["mean"] == round(2 / 3, 6)
    assert easy["verdicts"]["correct"]["recall"]["mean"] == 1.0
    assert easy["verdicts"]["incorrect"]["f1"]["mean"] == 0.0
    assert easy["verdicts"]["unreadable"] == 1
    assert {v: f["accuracy"]["mean"] for v, f in easy["variants"].items()} == {"plain": 1.0, "plan": 0.0}
    assert easy["yield"]["traceable_questions"] == 2
    assert easy["yield"]["traces_by_attempts"] == {"1": 2}
    assert report["overall"]["attempts"] == 5
    assert report["overall"]["accuracy"]["mean"] == pytest.approx(1 / 3, abs=1e-6)


def test_accuracy_near_zero_is_said_clearly():
    warnings = measure(_shards(), _CONFIG, _MODEL)["warnings"]
    assert len(warnings) == 2
    assert warnings[0].startswith("countdown-4: accuracy is near 0 (0.00%, interval up to ")
    assert warnings[1] == "countdown-4: none of 1 questions can yield a trace"


def test_hinted_twins_are_apart():
    tried = [attempt(_A, 0, WRONG), attempt(_A, 1, RIGHT, hinted=True)]
    tried[1] = replace(tried[1], hinted=True)
    report = measure([([_A], tried, [])], _CONFIG, _MODEL)
    easy = report["groups"]["countdown-3"]
    assert {v: f["accuracy"]["mean"] for v, f in easy["variants"].items()} == {"plain": 0.0, "plain (hinted)": 1.0}
    for figures in (easy, report["overall"]):  # an answer that was given away says nothing of the model
        assert (figures["attempts"], figures["accuracy"]["mean"], figures["lenient_accuracy"]["mean"]) == (2, 0.0, 0.0)


def test_a_question_without_attempts_is_counted():
    report = measure([([_A], [], [])], _CONFIG, _MODEL)
    assert report["overall"]["accuracy"] is None
    assert report["overall"]["questions"] == 1
    assert report["warnings"] == [
        "countdown-3: there are no attempts",
        "countdown-3: none of 1 questions can yield a trace",
    ]


def test_a_reflection_on_nothing_is_refused():
    with pytest.raises(ValueError, match="is on an attempt that is not in its shard"):
        measure([([_A], [], [reflection(attempt(_A, 0, RIGHT), 0, "Correct")])], _CONFIG, _MODEL)


def test_write_commits_and_prints(tmp_path, capsys):
    inputs, made = _write(tmp_path), stage(tmp_path, "quality")
    write(_CONFIG, made, _MODEL, *inputs)
    report = json.loads((made.path / "quality.json").read_text())
    assert report == measure(_shards(), _CONFIG, _MODEL)
    assert report["estimated_cost"]["parameters"] is None
    assert made.manifest.counts == {
        "questions": 3, "attempts": 5, "reflections": 5, "traceable_questions": 2, "expected_traces": 2
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert "countdown-4" in printed
    assert "accuracy is near 0" in printed


def test_below_a_floor_the_figures_are_there_and_the_stage_is_not_done(tmp_path):
    inputs, made = _write(tmp_path), stage(tmp_path, "quality")
    config = replace(_CONFIG, quality=QualityConfig(min_valid_rate=0.9))
    with pytest.raises(QualityFloor, match=r"quality.min_valid_rate: share of reflections .* is 0.6, the floor is 0.9"):
        write(config, made, _MODEL, *inputs)
    report = json.loads((made.path / "quality.json").read_text())
    assert [f["key"] for f in report["floors"] if not f["ok"]] == ["quality.min_valid_rate"]
    assert not made.manifest_path.exists()


def test_what_could_not_be_judged_is_said_and_blames_no_verdict():
    tried = [attempt(_A, 0, RIGHT), replace(attempt(_A, 1, WRONG), reason="timeout")]
    reflections = [reflection(tried[0], 0, "Correct"), reflection(tried[1], 0, "Correct")]
    report = measure([([_A], tried, reflections)], _CONFIG, _MODEL)
    easy = report["groups"]["countdown-3"]
    assert (easy["attempts"], easy["unjudged_attempts"], easy["accuracy"]["mean"]) == (2, 1, 0.5)
    assert (easy["reflections"], easy["valid_reflections"]["mean"]) == (1, 1.0)
    assert (easy["verdicts"]["correct"]["precision"]["mean"], easy["verdicts"]["incorrect"]["support"]) == (1.0, 0)
    assert report["warnings"] == [
        "countdown-3: 1 of 2 attempts have an answer that the verifier could not judge (timeout, parse_error): "
        "they count as wrong in the accuracy and enter no trace"
    ]


def test_nothing_is_said_where_everything_could_be_judged():
    assert measure(_shards(), _CONFIG, _MODEL)["overall"]["unjudged_attempts"] == 0
