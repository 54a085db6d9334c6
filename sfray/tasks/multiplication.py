"""Multiplication of two integers of as many digits as the level says; the exact product."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from sfray.config import SplitConfig
from sfray.records import Question
from sfray.tasks.generated import Draft, fill_levels
from sfray.tasks.numbers import judge_number
from sfray.tasks.outcome import Outcome
from sfray.tasks.task import Gold, Task


@dataclass(frozen=True)
class MultiplicationOptions:
    """There is nothing to choose."""

    def validate(self) -> Iterator[str]:
        """Yields nothing."""
        yield from ()


class Multiplication(Task):
    """Two factors, neither with a leading zero; ``3 x 4`` and ``4 x 3`` are one question."""

    name = "multiplication"
    answer_type = "the number"
    levels = ("2", "3", "4", "5")
    Options = MultiplicationOptions

    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question]:
        """Yields products that the split owns, no two alike."""
        yield from fill_levels(self.name, draw, split, config, seed)

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``factors``, two integers."""
        factors = gold.get("factors")
        if not isinstance(factors, list) or len(factors) != 2 or not all(type(f) is int for f in factors):
            return f"factors: expected two integers, got {factors!r}"
        return None

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges a number by the exact product."""
        a, b = gold["factors"]
        return judge_number(Fraction(a * b), answer)


def draw(source: random.Random, level: str) -> Draft:
    """Draws two factors."""
    digits = int(level)
    a, b = (source.randint(10 ** (digits - 1), 10**digits - 1) for _ in range(2))
    return Draft(
        key=f"multiplication:{min(a, b)}*{max(a, b)}",
        text=f"What is {a} times {b}?",
        gold=json.dumps({"factors": [a, b]}),
        answer=str(a * b),
    )
