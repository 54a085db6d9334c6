"""Addition of several integers; the exact sum is right."""

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
class AdditionOptions:
    """What ``task.options`` may hold."""

    largest: int = 99

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value."""
        if type(self.largest) is not int or self.largest < 1:
            yield f"largest: {self.largest!r} must be 1 or more"


class Addition(Task):
    """A sum of 2 to 4 integers."""

    answer_type = "the number"  # how prompts call the answer
    levels = ("2", "3", "4")  # how many integers
    Options = AdditionOptions

    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question]:
        """Yields the questions of a split; the same arguments give the same questions."""
        yield from fill_levels(self.name, self._draw, split, config, seed)

    def _draw(self, source: random.Random, level: str) -> Draft:
        terms = [source.randint(0, self.options.largest) for _ in range(int(level))]
        return Draft(
            key=f"addition:{sorted(terms)}",  # the same for the same question in any order
            text=f"What is {' plus '.join(map(str, terms))}?",
            gold=json.dumps({"terms": terms}),  # what the judge needs
            answer=str(sum(terms)),  # one right answer
        )

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """What is wrong with a gold, or None."""
        terms = gold.get("terms")
        ok = isinstance(terms, list) and all(type(t) is int for t in terms)
        return None if ok else f"terms: expected integers, got {terms!r}"

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Compares with the exact sum."""
        return judge_number(Fraction(sum(gold["terms"])), answer)
