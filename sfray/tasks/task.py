"""What a task family is: typed options, a source of questions, and a judge of answers.

    class Doubling(Task):
        answer_type, levels = "the number", ("1", "2")
        Options = DoublingOptions                           # a frozen dataclass with validate()

        def questions(self, split, config, seed): ...       # -> Iterator[Question | Reject]
        @staticmethod
        def gold_problem(gold): ...                         # -> str | None
        @staticmethod
        def judge(gold, answer): ...                        # -> Outcome

``task.name=my_lab.tasks:Doubling`` samples, trains and scores it; ``docs/new_task.md`` shows a whole one. Those that
ship with sfray also set ``name`` and are listed under it in ``sfray/tasks/registry.py``.
"""

from __future__ import annotations

import dataclasses
import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from sfray.config import SplitConfig, TaskConfig
from sfray.records import Question, Reject
from sfray.tasks.outcome import Outcome
from sfray.tasks.shares import share

SPLITS = ("sft", "rl", "eval")
"""The splits a run asks a task for."""

ATTRIBUTES = ("answer_type", "levels", "Options")
"""What every family sets beside its methods."""

NO_LEVEL = "-"
"""The level of a task that has none."""

Gold = Mapping[str, Any]
"""What the judge needs to know of a question: the decoded ``Question.gold``."""


class Task(ABC):
    """A task family, configured.

    Attributes:
        name: The family's name in configs, ids and rows; by default ``package.module:Name``, where the class is.
        answer_type: How prompts call the answer ("the expression").
        levels: Valid difficulties; empty where they are the source's own.
        Options: Frozen dataclass of the family's options; ``validate()`` yields problems.
        options: Its instance.
    """

    name: ClassVar[str]
    answer_type: ClassVar[str]
    levels: ClassVar[tuple[str, ...]]
    Options: ClassVar[type]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Names the family by where it is found, unless it names itself."""
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = f"{cls.__module__}:{cls.__qualname__}"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Checks and keeps the options.

        Raises:
            ValueError: An unknown option (with the nearest valid one) or a bad value.
        """
        valid = [f.name for f in dataclasses.fields(self.Options)]
        for key in options or {}:
            if key not in valid:
                close = difflib.get_close_matches(key, valid, n=1)
                hint = f"; did you mean task.options.{close[0]}?" if close else ""
                raise ValueError(f"task.options.{key}: {self.name} has no such option{hint}")
        self.options = self.Options(**(options or {}))
        problems = list(self.options.validate())
        if problems:
            raise ValueError("\n".join(f"task.options.{p}" for p in problems))

    def problems(self, config: TaskConfig) -> Iterator[str]:
        """Yields a line for each split this task cannot serve, by full key."""
        for split in SPLITS:
            wanted: SplitConfig = getattr(config, split)
            if not wanted.levels:
                yield f"task.{split}.levels: at least one level is needed"
            for i, level in enumerate(wanted.levels):
                if self.levels and level not in self.levels:
                    yield f"task.{split}.levels[{i}]: {self.name} has no level {level!r}, only {', '.join(self.levels)}"
            if len(set(wanted.levels)) != len(wanted.levels):
                yield f"task.{split}.levels: a level is listed twice"
            if wanted.weights and len(wanted.weights) != len(wanted.levels):
                yield f"task.{split}.weights: {len(wanted.weights)} weights for {len(wanted.levels)} levels"
            if any(weight <= 0 for weight in wanted.weights):
                yield f"task.{split}.weights: every weight must be above 0; leave a level out of levels instead"

    @abstractmethod
    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question | Reject]:
        """Yields the questions of one split, and a reject for each source row that cannot be one.

        The order and the content depend on the arguments alone, and a larger
        ``config.count`` only appends at each level.

        Raises:
            ValueError: Fewer questions exist than are wanted.
        """

    @staticmethod
    @abstractmethod
    def gold_problem(gold: Gold) -> str | None:
        """What is wrong with a gold, or None: no answer is ever judged against one that is."""

    @staticmethod
    @abstractmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges an extracted answer: bounded in time and memory, no exceptions for any text."""

    @staticmethod
    def canonical(answer: str) -> str:
        """One spelling for an answer that can be written in several: a majority vote counts equal ones together.

        Override it where more than white space tells spellings apart; like :meth:`judge` it takes any text.
        """
        return " ".join(answer.split())

    @staticmethod
    def uses_all(gold: Gold, answer: str) -> bool | None:  # noqa: ARG004 - for families that override it
        """Whether an answer uses everything the question gives; None where a task asks for no such thing."""
        return None


def group(task: str, level: str) -> str:
    """Name of the questions of a task at a level: ``countdown-3``, or the task alone where it has no levels."""
    return task if level == NO_LEVEL else f"{task}-{level}"


def question_id(task: str, level: str, split: str, number: int) -> str:
    """Names a question: ``countdown-3:eval:000007``, or ``gsm8k:eval:000007`` where there are no levels."""
    return f"{group(task, level)}:{split}:{number:06d}"


def per_level(config: SplitConfig) -> Iterator[tuple[str, int]]:
    """Shares ``count`` over the levels by ``weights``, evenly where there are none; the first ones take the rest."""
    weights = config.weights or [1.0] * len(config.levels)
    yield from zip(config.levels, share(config.count, weights), strict=True)


def range_problems(key: str, bounds: Sequence[int], least: int) -> Iterator[str]:
    """Checks an option that holds inclusive bounds."""
    if not isinstance(bounds, list | tuple) or len(bounds) != 2 or not all(type(b) is int for b in bounds):
        yield f"{key}: two integers are needed, got {bounds!r}"
    elif not least <= bounds[0] <= bounds[1]:
        yield f"{key}: {list(bounds)} must be {least} or more and not descend"
