"""Reflections: honest, whatever the attempt claims."""

import pytest

from sfray.grammar import Verdict, parse_verdict
from sfray.seeds import rng
from sfray.tasks.countdown import Problem
from sfray.tiny.attempts import OUTCOMES, Attempt, work
from sfray.tiny.corpus import problem
from sfray.tiny.reflections import write

PUZZLE = Problem((3, 5, 8), 60, 0)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_verdict_agrees_with_the_outcome(outcome):
    source = rng("test", outcome)
    for _ in range(50):
        puzzle = problem(source, 3)
        text = write(source, puzzle, work(source, puzzle, outcome))
        assert parse_verdict(text) == (Verdict.CORRECT if outcome == "hit" else Verdict.INCORRECT)
        assert text.endswith("</verdict>")
        assert text.count("<verdict>") == 1


def test_noise_flips_only_the_verdict():
    source, other = rng("test"), rng("test")
    puzzle = problem(rng("test", "puzzle"), 3)
    attempt = work(rng("test", "work"), puzzle, "miss")
    honest, flipped = write(source, puzzle, attempt, 0.0), write(other, puzzle, attempt, 1.0)
    assert honest.split("<verdict>")[0] == flipped.split("<verdict>")[0]
    assert honest.endswith("<verdict>Incorrect</verdict>")
    assert flipped.endswith("<verdict>Correct</verdict>")


@pytest.mark.parametrize(
    ("outcome", "tree", "text"),
    [
        ("slip", ("*", ("+", 3, 5), 8), "(3 + 5) * 8. It uses 3, 5 and 8, all given. 3 + 5 = 8, 8 * 8 = 64."),
        ("stray", ("+", 51, 9), "51 + 9. It uses 51 and 9, but 51 is not given. <verdict>"),
        ("repeat", ("*", 3, ("*", 5, 5)), "3 * 5 * 5. It uses 3, 5 and 5, but 5 is used too often. <verdict>"),
        ("blank", 0, "no answer"),
    ],
)
def test_wording(outcome, tree, text):
    attempt = Attempt(outcome, tree, 0, ("its own claims do not matter",))
    assert text.replace("3 * 5 * 5", "3 * (5 * 5)") in write(rng("test"), PUZZLE, attempt).replace(
        "3 * 5 * 5", "3 * (5 * 5)"
    )
