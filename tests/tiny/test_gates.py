"""Gates: every one can pass and can fail."""

import io

import pytest
from rich.console import Console

from sfray.tiny.gates import Gate, gates, kept, table


def surrounding(correct, used):
    return {"by_size": {"3": {"attempts": 100, "correct": correct, "all_numbers": used}}}


def figures(**changes):
    """Figures that pass every gate, with changes."""
    values = {"pairs": 0.25, "failures": 0.25, "used": 0.9, "3": 0.3, "4": 0.1, "5": 0.04, "p4": 0.95, "p5": 0.8}
    values |= changes
    around = {
        "alone": surrounding(0.25, 0.9),
        "2 pairs": surrounding(values["pairs"], 0.9),
        "6 pairs": surrounding(values["pairs"], 0.9),
        "3 failures": surrounding(values["failures"], values["used"]),
    }
    accuracy = {size: values[size] for size in ("3", "4", "5")}
    return around, {"accuracy": accuracy, "precision": {"4": values["p4"], "5": values["p5"]}}


def failed(**changes):
    return [gate.name for gate in gates(*figures(**changes)) if not gate.passed]


def test_all_pass():
    assert failed() == []
    assert len(gates(*figures())) == 9


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"pairs": 0.22}, ["accuracy after 2 pairs / alone", "accuracy after 6 pairs / alone"]),
        ({"failures": 0.19}, ["accuracy after 3 failures / alone"]),
        ({"used": 0.8}, ["all numbers used after 3 failures / alone"]),
        ({"3": 0.19}, ["accuracy, 3 numbers"]),
        ({"3": 0.51}, ["accuracy, 3 numbers"]),
        ({"4": 0.07}, ["accuracy, 4 numbers"]),
        ({"4": 0.16}, ["accuracy, 4 numbers"]),
        ({"5": 0.01}, ["accuracy, 5 numbers"]),
        ({"5": 0.07}, ["accuracy, 5 numbers"]),
        ({"p4": 0.89}, ['precision of "Correct", 4 numbers']),
        ({"p5": 0.69}, ['precision of "Correct", 5 numbers']),
    ],
)
def test_each_can_fail(changes, names):
    assert failed(**changes) == names


def test_bounds_belong_to_the_range():
    assert Gate("", 0.2, 0.2, 0.5).passed
    assert Gate("", 0.5, 0.2, 0.5).passed
    assert Gate("", 9.0, 0.2).passed


def test_kept_weighs_sizes_by_their_puzzles():
    found = {
        "alone": {"by_size": {"3": {"attempts": 300, "correct": 0.4}, "4": {"attempts": 100, "correct": 0.2}}},
        "after": {"by_size": {"3": {"attempts": 300, "correct": 0.2}, "4": {"attempts": 100, "correct": 0.1}}},
    }
    assert kept(found, "after", "correct") == 0.5


def test_nothing_is_kept_of_nothing():
    found = {name: surrounding(0.0, 0.0) for name in ("alone", "after")}
    assert kept(found, "after", "correct") == 0.0


def test_table_says_which_failed():
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table([Gate("good", 0.3, 0.2, 0.5), Gate("bad", 0.1, 0.9)]))
    text = console.export_text()
    (good,) = [line for line in text.splitlines() if "good" in line]
    (bad,) = [line for line in text.splitlines() if "bad" in line]
    assert "0.300" in good
    assert "0.2 to 0.5" in good
    assert "pass" in good
    assert "≥ 0.9" in bad
    assert "FAIL" in bad
