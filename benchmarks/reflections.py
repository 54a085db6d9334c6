"""Which share of the possible reflections a lazy ``reflect`` step asks for, by the accuracy of the attempts.

    python -m benchmarks.reflections [--questions 64]

Draws which attempts are right and which reflections would be valid, each by chance, and asks in rounds with the
code of the stage (:mod:`sfray.traces.demand`); no model writes anything. Lengths are left out: no trace is redrawn.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass
from typing import Any

from sfray import seeds
from sfray.config import TraceConfig
from sfray.prompts import load
from sfray.records import Attempt, Question, Reflection
from sfray.traces.build import Workshop
from sfray.traces.demand import Pending, on

ATTEMPTS = 64
"""Of each question, as in the paper's Countdown setting."""
VALID = 0.7
"""Chance that the verdict of a reflection is right; the embedded model's is near."""
ACCURACIES = (0.05, 0.1, 0.25, 0.5, 0.75)
SETTINGS = (("algorithm1", 4), ("algorithm1", 1), ("uniform", 4))
"""Recipe, and reflections for each attempt."""


@dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
        trace: How traces are made.
        accuracy: Chance that an attempt is right.
        each: Reflections for each attempt.
        valid: Chance that one is valid.
    """

    trace: TraceConfig
    accuracy: float
    each: int
    valid: float = VALID


def asked(case: Case, number: int) -> tuple[float, int]:
    """Share of one question's possible reflections that is asked for, and in how many rounds."""
    rng = seeds.rng("benchmark", "reflections", number)
    question = Question(id=f"q{number}", task="countdown", level="3", split="sft", text="", gold="{}")
    attempts = [_attempt(question.id, k, rng.random() < case.accuracy) for k in range(ATTEMPTS)]
    unasked = {a.id: [f"{a.id}/r{k}" for k in range(case.each)] for a in attempts}
    valid = {name: rng.random() < case.valid for names in unasked.values() for name in names}
    pending = Pending(question, attempts, unasked)
    shop = Workshop(case.trace, 0, load(), lambda *_: 0)
    rounds = 0
    while names := pending.ask([shop], rounds + 1, case.valid):
        rounds += 1
        for name in names:
            pending.answer(name, [_reflection(question.id, name, valid[name])])
    return len(pending.reflections) / len(valid), rounds


def _attempt(question: str, k: int, correct: bool) -> Attempt:
    return Attempt(
        id=f"{question}/plain/{k}", question_id=question, variant="plain", sample=k, hinted=False, text="", tokens=1,
        finish="stop", correct=correct, reason="correct" if correct else "wrong_value", answer="1",
    )  # fmt: skip


def _reflection(question: str, name: str, valid: bool) -> Reflection:
    return Reflection(
        id=name, attempt_id=on(name), question_id=question, sample=0, text="", tokens=1, finish="stop",
        verdict=None, valid=valid,
    )  # fmt: skip


def run(questions: int = 64) -> dict[str, Any]:
    """Every cell of the table in ``docs/lazy_reflection.md``: mean share asked for, and mean and most rounds."""
    cells: dict[str, Any] = {}
    for recipe, each in SETTINGS:
        row = cells[f"{recipe}, {each} for each attempt"] = {}
        for accuracy in ACCURACIES:
            case = Case(TraceConfig(recipe=recipe), accuracy, each)
            found = [asked(case, number) for number in range(questions)]
            rounds = [r for _, r in found]
            row[f"{accuracy:.0%}"] = {
                "asked": round(statistics.mean(share for share, _ in found), 3),
                "rounds": round(statistics.mean(rounds), 1),
                "most": max(rounds),
            }
    return cells


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=64)
    print(json.dumps(run(parser.parse_args().questions), indent=2))
