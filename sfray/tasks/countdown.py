"""Countdown: reach a target with the given numbers and + - * /.

The verifier is exact and bounded by construction: the answer is parsed to a small tree
(:mod:`sfray.tasks.expression`), evaluated in fractions, and its literals are compared
with the given numbers as multisets. Nothing is ever executed.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sfray.config import SplitConfig
from sfray.records import Question
from sfray.tasks.expression import ExpressionError, ExpressionTooLong, Tree, literals, parse, render, steps, value
from sfray.tasks.generated import Draft, fill_levels
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.task import Gold, Task, range_problems

__all__ = ["Countdown", "CountdownOptions", "Problem", "Tree", "combine", "draw", "question_text", "render", "steps"]

MAX_ANSWER_CHARS = 1_000
MAX_NODES = 64
"""Caps of the parser. Six numbers need 11 nodes."""

_CLAIM = re.compile(r"[-−]?(?:0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Problem:
    """A solvable puzzle: the numbers, the target, and one tree that reaches it."""

    numbers: tuple[int, ...]
    target: int
    tree: Tree

    @property
    def key(self) -> str:
        """Canonical name: the same puzzle in any order of its numbers."""
        return f"countdown:{','.join(map(str, sorted(self.numbers)))}={self.target}"


def draw(
    rng: random.Random,
    size: int,
    number_range: tuple[int, int] = (1, 20),
    target_range: tuple[int, int] = (1, 100),
) -> Problem:
    """Draws a puzzle that is solvable by construction.

    Args:
        rng: Source of randomness; the result is a function of its state.
        size: How many numbers are given (2 to 6); the tree uses all of them.
        number_range: Bounds of the numbers, inclusive.
        target_range: Bounds of the target, inclusive.

    Every intermediate result is a non-negative integer (divisions are exact).
    """
    while True:
        problem = propose(rng, size, number_range)
        if target_range[0] <= problem.target <= target_range[1]:
            return problem


def propose(rng: random.Random, size: int, number_range: tuple[int, int]) -> Problem:
    """Draws numbers and a tree over all of them; the target is what it comes to."""
    numbers = [rng.randint(*number_range) for _ in range(size)]
    target, tree = combine(rng, numbers)
    return Problem(tuple(numbers), target, tree)


def combine(rng: random.Random, numbers: list[int]) -> tuple[int, Tree]:
    """Joins all numbers into a random tree; returns its value and the tree."""
    pool: list[tuple[int, Tree]] = [(n, n) for n in numbers]
    while len(pool) > 1:
        a, b = rng.sample(range(len(pool)), 2)
        (x, left), (y, right) = pool[a], pool[b]
        operators = ["+", "*"]
        if x >= y:
            operators.append("-")
        if y and x % y == 0:
            operators.append("/")
        op = rng.choice(operators)
        value = {"+": x + y, "-": x - y, "*": x * y, "/": x // y if y else 0}[op]
        pool = [p for i, p in enumerate(pool) if i not in (a, b)] + [(value, (op, left, right))]
    return pool[0]


def question_text(numbers: tuple[int, ...], target: int) -> str:
    """Words a puzzle: the sentence every prompt is built around."""
    listed = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    return f"Use the numbers {listed} with + - * / to make {target}. Use each number at most once."


@dataclass(frozen=True)
class CountdownOptions:
    """Bounds of the puzzles, inclusive. The paper names none; these are ours."""

    number_range: Sequence[int] = (1, 20)
    target_range: Sequence[int] = (1, 100)

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value."""
        yield from range_problems("number_range", self.number_range, least=0)
        yield from range_problems("target_range", self.target_range, least=0)


class Countdown(Task):
    """Countdown with as many numbers as the level says; splits by the puzzle's own key."""

    name = "countdown"
    answer_type = "the expression"
    levels = ("2", "3", "4", "5", "6")
    Options = CountdownOptions

    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question]:
        """Yields puzzles that the split owns, no two alike."""
        yield from fill_levels(self.name, self._draw, split, config, seed)

    def _draw(self, source: random.Random, level: str) -> Draft | None:
        problem = propose(source, int(level), tuple(self.options.number_range))
        low, high = self.options.target_range
        if not low <= problem.target <= high:
            return None
        gold = json.dumps({"numbers": list(problem.numbers), "target": problem.target})
        return Draft(problem.key, question_text(problem.numbers, problem.target), gold, render(problem.tree))

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``numbers``, a list of non-negative integers, and ``target``, an integer."""
        numbers, target = gold.get("numbers"), gold.get("target")
        if not isinstance(numbers, list) or not numbers or not all(type(n) is int and n >= 0 for n in numbers):
            return f"numbers: expected a list of non-negative integers, got {numbers!r}"
        if type(target) is not int:
            return f"target: expected an integer, got {target!r}"
        return None

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges an expression by its literals and its exact value.

        The answer is one expression of :mod:`sfray.tasks.expression`; once, at its end,
        ``= N`` may state the result, and N must then be the target. Each given number is
        used at most as often as it is given. A division by zero has no value and so is a
        wrong one.
        """
        if len(answer) > MAX_ANSWER_CHARS:
            return Outcome.wrong(Reason.TOO_LONG, answer)
        expression, equals, claim = answer.partition("=")
        claim = claim.strip(" \t\r\n")
        try:
            tree = parse(expression, MAX_ANSWER_CHARS, MAX_NODES)
        except ExpressionTooLong:
            return Outcome.wrong(Reason.TOO_LONG, answer)
        except ExpressionError:
            return Outcome.wrong(Reason.BAD_SYNTAX, answer)
        if equals and not _CLAIM.fullmatch(claim):
            return Outcome.wrong(Reason.BAD_SYNTAX, answer)
        if Counter(literals(tree)) - Counter(gold["numbers"]):
            return Outcome.wrong(Reason.WRONG_NUMBERS, answer)
        if value(tree) != gold["target"] or (equals and int(claim.replace("−", "-")) != gold["target"]):
            return Outcome.wrong(Reason.WRONG_VALUE, answer)
        return Outcome.right(answer)

    @staticmethod
    def canonical(answer: str) -> str:
        """The expression without spare parentheses, sums and products in one order; other text as it is."""
        try:
            return _sorted(_expression(answer))
        except ExpressionError:
            return " ".join(answer.split())

    @staticmethod
    def uses_all(gold: Gold, answer: str) -> bool | None:
        """Whether an expression takes exactly the given numbers; text that is no expression does not."""
        try:
            return Counter(literals(_expression(answer))) == Counter(gold["numbers"])
        except ExpressionError:
            return False


def _expression(answer: str) -> Tree:
    return parse(answer.partition("=")[0], MAX_ANSWER_CHARS, MAX_NODES)


def _sorted(tree: Tree) -> str:
    if isinstance(tree, int):
        return str(tree)
    op, left, right = tree
    if op in "+*":
        return f"({f' {op} '.join(sorted(map(_sorted, _operands(tree, op))))})"
    return f"({_sorted(left)} {op} {_sorted(right)})"


def _operands(tree: Tree, op: str) -> list[Tree]:
    """What a chain of one operator joins, from left to right."""
    if isinstance(tree, int) or tree[0] != op:
        return [tree]
    return _operands(tree[1], op) + _operands(tree[2], op)
