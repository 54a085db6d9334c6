"""Reflections on an attempt: an honest recomputation that ends with a verdict.

A reflection never trusts the attempt's steps. It reads the expression from the answer,
checks its numbers against the given ones, recomputes it and compares with the target.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from sfray.tasks.countdown import Problem, steps
from sfray.tasks.expression import literals
from sfray.tiny.attempts import Attempt, listed

CORRECT = "<verdict>Correct</verdict>"
INCORRECT = "<verdict>Incorrect</verdict>"


def write(rng: random.Random, problem: Problem, attempt: Attempt, noise: float = 0.0) -> str:
    """Words the check of an attempt.

    Args:
        rng: Source of randomness.
        problem: The puzzle that was attempted.
        attempt: The attempt to check.
        noise: Chance that the verdict is flipped against the recomputation before it.
    """
    text, right = _check(rng, problem, attempt)
    if rng.random() < noise:
        right = not right
    return f"{text} {CORRECT if right else INCORRECT}"


def _check(rng: random.Random, problem: Problem, attempt: Attempt) -> tuple[str, bool]:
    """The text before the verdict, and what it finds."""
    if attempt.outcome == "blank":
        return rng.choice(["There is no answer in it.", "The attempt has no answer."]), False
    used = literals(attempt.tree)
    opening = rng.choice(["The answer is", "It says", "The attempt gives"])
    fault = _fault(used, problem.numbers)
    text = f"{opening} {attempt.expression}. It uses {listed(used)}"
    if fault:
        return f"{text}, but {fault}.", False
    lines = steps(attempt.tree)
    value, target = lines[-1].rsplit(" = ", 1)[1], str(problem.target)
    form, good, bad = rng.choice(
        [
            ("The result is {value}, the target {target}", "They agree", "They differ"),
            ("It makes {value} and should make {target}", "That is right", "That is wrong"),
            ("The target is {target}, this is {value}", "It fits", "It does not fit"),
        ]
    )
    verdict = form.format(value=value, target=target)
    right = value == target
    return f"{text}, all given. {', '.join(lines)}. {verdict}. {good if right else bad}.", right


def _fault(used: Sequence[int], given: Sequence[int]) -> str | None:
    """What is wrong with the numbers of an expression, if anything is."""
    counts = Counter(given)
    for number in used:
        if number not in counts:
            return f"{number} is not given"
        counts[number] -= 1
        if counts[number] < 0:
            return f"{number} is used too often"
    return None
