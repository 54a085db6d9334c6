"""Generated questions: from a random draw to the questions of a split.

A draw knows nothing of splits. Each is offered to the split that owns its key
(:func:`sfray.seeds.split_of`) and taken once, so splits are disjoint by construction
and a larger count only appends.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sfray.config import SplitConfig
from sfray.records import Question
from sfray.seeds import rng, split_of
from sfray.tasks.task import per_level, question_id

MAX_FRUITLESS = 100_000
"""Draws in a row without a new question after which the space counts as used up."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A question before it has a split and a number.

    Attributes:
        key: Canonical name: the same for every wording or order of the same question.
    """

    key: str
    text: str
    gold: str
    answer: str


Draw = Callable[[random.Random, str], Draft | None]
"""Draws for a level; None for a draw that came to nothing. A function of the generator's state."""


def fill_levels(task: str, draw: Draw, split: str, config: SplitConfig, seed: int) -> Iterator[Question]:
    """Yields ``config.count`` questions over its levels.

    Raises:
        ValueError: A level has fewer.
    """
    for level, count in per_level(config):
        drafts = owned(draw, rng(seed, task, level, split), level, split)
        for number in range(count):
            draft = next(drafts, None)
            if draft is None:
                raise ValueError(
                    f"task.{split}.count: {task} has only about {number} questions of level {level} for split "
                    f"{split!r}, {count} are wanted; widen task.options or ask for fewer"
                )
            name = question_id(task, level, split, number)
            yield Question(
                id=name, task=task, level=level, split=split, text=draft.text, gold=draft.gold, answer=draft.answer
            )


def owned(draw: Draw, source: random.Random, level: str, split: str) -> Iterator[Draft]:
    """New drafts of a split, until none turns up any more."""
    seen: set[str] = set()
    fruitless = 0
    while fruitless < MAX_FRUITLESS:
        draft = draw(source, level)
        fruitless += 1
        if draft is not None and draft.key not in seen and split_of(draft.key) == split:
            seen.add(draft.key)
            fruitless = 0
            yield draft
