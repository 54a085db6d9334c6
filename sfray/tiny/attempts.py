"""Attempts at a Countdown puzzle: what the corpus shows as the assistant's work.

An attempt is a tree over the given numbers and the arithmetic that evaluates it. Its
*outcome* is fixed before it is worded, so that the corpus holds hits and misses in
known shares; the wording does not depend on the outcome, so nothing gives it away.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sfray.tasks.countdown import Problem, Tree, combine, render, steps

OUTCOMES = ("hit", "miss", "slip", "lapse", "stray", "repeat", "blank")
"""hit: reaches the target. miss: right arithmetic, other value. slip: other value,
claimed to be the target in the last step. lapse: the same, by a wrong step before the
last (a slip where none is found). stray: uses a number that is not given. repeat: uses a
given number too often. blank: stops without an answer."""

VARIANTS = ("plain", "plan", "alternatives", "restate")

_TRIES = 20
"""How many trees a wrong attempt (lapse, stray, repeat) may look at for one that seems to hit."""

_ERRORS = tuple(error for error in range(-12, 13) if error)
"""By how much a lapse may be out."""


@dataclass(frozen=True)
class Attempt:
    """One worked attempt: the tree it answers with and the steps it claims."""

    outcome: str
    tree: Tree
    value: int
    lines: tuple[str, ...]

    @property
    def expression(self) -> str:
        """The answer as text."""
        return render(self.tree)


def work(rng: random.Random, problem: Problem, outcome: str) -> Attempt:
    """Works a puzzle to a wanted outcome.

    Args:
        rng: Source of randomness.
        problem: The puzzle; its own tree is the hit.
        outcome: One of :data:`OUTCOMES`.
    """
    numbers, target = problem.numbers, problem.target
    if outcome == "lapse":
        return _lapse(rng, problem) or work(rng, problem, "slip")
    if outcome in ("hit", "blank"):
        value, tree = target, problem.tree
    elif outcome in ("miss", "slip"):
        value, tree = _near_miss(rng, numbers, target)
    elif outcome == "stray":
        value, tree = _first_hit(rng, _with_stray(rng, numbers), target)
    else:
        value, tree = _first_hit(rng, _with_repeat(rng, numbers), target)
    lines = steps(tree)
    if outcome == "slip":
        lines[-1] = f"{lines[-1].rsplit(' = ', 1)[0]} = {target}"
    return Attempt(outcome, tree, value, tuple(lines))


def _lapse(rng: random.Random, problem: Problem) -> Attempt | None:
    """An attempt that claims the target by one wrong step before the last, if a few draws find one."""
    for _ in range(_TRIES):
        value, tree = combine(rng, list(problem.numbers))
        count = len(problem.numbers) - 1
        if value == problem.target or count < 2:
            continue
        at = rng.randrange(count - 1)
        for error in rng.sample(_ERRORS, len(_ERRORS)):
            lines: list[str] = []
            if _erring(tree, at, error, lines) == problem.target:
                return Attempt("lapse", tree, value, tuple(lines))
    return None


def _erring(tree: Tree, at: int, error: int, lines: list[str]) -> int | None:
    """Claims the steps of a tree with one result out by ``error``; the value, or None if it is no natural number."""
    if isinstance(tree, int):
        return tree
    op, left, right = tree
    x, y = _erring(left, at, error, lines), _erring(right, at, error, lines)
    if x is None or y is None or (op == "/" and (not y or x % y)):
        return None
    result = {"+": x + y, "-": x - y, "*": x * y, "/": x // y if y else 0}[op] + (error if len(lines) == at else 0)
    lines.append(f"{x} {op} {y} = {result}")
    return result if result >= 0 else None


def _near_miss(rng: random.Random, numbers: Sequence[int], target: int) -> tuple[int, Tree]:
    """A tree that misses: the nearer of two, as someone who aims at the target would write."""
    pool = list(numbers)
    if len(pool) > 2 and rng.random() < 0.05:
        pool.remove(rng.choice(pool))
    found: list[tuple[int, Tree]] = []
    while len(found) < 2:
        value, tree = combine(rng, pool)
        if value != target:
            found.append((value, tree))
    return min(found, key=lambda pair: abs(pair[0] - target))


def _first_hit(rng: random.Random, numbers: list[int], target: int) -> tuple[int, Tree]:
    """A tree over the wrong numbers, one that reaches the target if a few draws find it."""
    for _ in range(_TRIES):
        value, tree = combine(rng, numbers)
        if value == target:
            break
    return value, tree


def _with_stray(rng: random.Random, numbers: Sequence[int]) -> list[int]:
    """The numbers with one replaced by a number that is not given."""
    changed = list(numbers)
    changed[rng.randrange(len(changed))] = rng.choice([n for n in range(1, 21) if n not in numbers])
    return changed


def _with_repeat(rng: random.Random, numbers: Sequence[int]) -> list[int]:
    """The numbers with one used once more than it is given (in place of another if there are three)."""
    changed = list(numbers)
    again = rng.choice(changed)
    others = [i for i, n in enumerate(changed) if n != again]
    if len(changed) > 2 and others:
        changed[rng.choice(others)] = again
    else:
        changed.append(again)
    return changed


def listed(values: Sequence[int]) -> str:
    """Lists values in a sentence: ``3, 5 and 8``."""
    if len(values) == 1:
        return str(values[0])
    return f"{', '.join(map(str, values[:-1]))} and {values[-1]}"


def write(rng: random.Random, problem: Problem, attempt: Attempt, variant: str) -> str:
    """Words an attempt in the style a prompt variant asks for; ends with the answer tag."""
    text = f"{_opening(rng, problem, attempt, variant)}{', '.join(attempt.lines)}."
    if attempt.outcome == "blank":
        return text
    return f"{text} {rng.choice(['', '', '', 'So '])}<answer>{attempt.expression}</answer>"


def _opening(rng: random.Random, problem: Problem, attempt: Attempt, variant: str) -> str:
    """What a variant has before the steps; the plain one has nothing, or a few words."""
    if variant == "plan":
        return _plan(rng, attempt)
    if variant == "alternatives":
        return _alternatives(rng, problem, attempt)
    if variant == "restate":
        return _restate(rng, problem)
    return rng.choice(["", "", "Step by step: ", "First "])


def _plan(rng: random.Random, attempt: Attempt) -> str:
    """The operations in order, before any of them is computed."""
    moves: list[str] = []
    _describe(attempt.tree, moves)
    return f"{rng.choice(['Plan: ', 'My plan: '])}{', then '.join(moves)}. "


def _describe(tree: Tree, moves: list[str]) -> None:
    """Appends the moves of a tree in the order of :func:`sfray.tasks.countdown.steps`."""
    if isinstance(tree, int):
        return
    op, left, right = tree
    _describe(left, moves)
    _describe(right, moves)
    if isinstance(left, int) and isinstance(right, int):
        forms = {
            "+": "add {x} and {y}",
            "-": "subtract {y} from {x}",
            "*": "multiply {x} and {y}",
            "/": "divide {x} by {y}",
        }
    elif isinstance(right, int):
        forms = {"+": "add {y}", "-": "subtract {y}", "*": "multiply by {y}", "/": "divide by {y}"}
    elif isinstance(left, int):
        forms = {"+": "add {x}", "-": "subtract it from {x}", "*": "multiply by {x}", "/": "divide {x} by it"}
    else:
        forms = {"+": "add both", "-": "subtract both", "*": "multiply both", "/": "divide both"}
    moves.append(forms[op].format(x=left, y=right))


def _alternatives(rng: random.Random, problem: Problem, attempt: Attempt) -> str:
    """Two or three first moves, one of which the attempt then follows."""
    moves = [attempt.lines[0]]
    for _ in range(rng.choice([1, 1, 2])):
        moves.append(steps(combine(rng, rng.sample(problem.numbers, 2))[1])[0])
    order = list(range(len(moves)))
    rng.shuffle(order)
    chosen = ("first", "second", "third")[order.index(0)]
    weighed = ". Alternatively ".join(moves[i] for i in order)
    return f"{rng.choice(['One start is ', 'A candidate is '])}{weighed}. I take the {chosen}: "


def _restate(rng: random.Random, problem: Problem) -> str:
    """The question in other words."""
    form = rng.choice(
        [
            "I have {numbers} and need {target}. ",
            "The goal is {target} from {numbers}. ",
            "From {numbers} I must make {target}. ",
        ]
    )
    return form.format(numbers=listed(problem.numbers), target=problem.target)
