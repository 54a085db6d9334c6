from pathlib import Path

from sfray.config import QualityConfig
from sfray.evaluation.floors import QualityFloor, check

_OVERALL = {
    "accuracy": {"mean": 0.04, "low": 0.03, "high": 0.05},
    "valid_reflections": {"mean": 0.5, "low": 0.4, "high": 0.6},
    "verdicts": {"correct": {"f1": None}, "incorrect": {"f1": {"mean": 0.9, "low": 0.8, "high": 1.0}}},
    "yield": {"traceable_questions": 3},
}


def _failed(**floors):
    return [c.key for c in check(_OVERALL, QualityConfig(**floors)) if not c.ok]


def test_floors_at_the_figure_hold():
    assert _failed(min_accuracy=0.04, min_valid_rate=0.5, min_f1_incorrect=0.9, min_traceable_questions=3) == []


def test_each_floor_is_checked():
    failed = _failed(
        min_accuracy=0.05, min_valid_rate=0.51, min_f1_correct=0.1, min_f1_incorrect=0.95, min_traceable_questions=4
    )
    assert failed == [
        "quality.min_accuracy",
        "quality.min_valid_rate",
        "quality.min_f1_correct",
        "quality.min_f1_incorrect",
        "quality.min_traceable_questions",
    ]


def test_zero_switches_a_floor_off():
    assert _failed(min_traceable_questions=0) == []


def test_the_error_names_key_figure_and_what_to_change():
    failed = [c for c in check(_OVERALL, QualityConfig(min_accuracy=0.05, min_f1_correct=0.1)) if not c.ok]
    text = str(QualityFloor(failed, Path("runs/a/quality/quality.json")))
    assert text.splitlines()[0] == "below the floor before any training (figures in runs/a/quality/quality.json):"
    assert text.splitlines()[1].startswith("  quality.min_accuracy: accuracy of attempts is 0.04, the floor is 0.05. ")
    assert "sample.n" in text
    assert "model.path" in text
    assert "quality.min_f1_correct: verdict F1 of the correct class is not defined, the floor is 0.1." in text
