"""Mixture: questions of several tasks at once, shared by weight.

    task:
      name: mixture
      options:
        parts:
          - {name: countdown, weight: 3, levels: ["3"]}
          - {name: multiplication, weight: 1, levels: ["2"]}

Each question belongs to its own task, which words, judges and names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sfray.config import SplitConfig, TaskConfig
from sfray.names import suggestion
from sfray.records import Question, Reject
from sfray.tasks.outcome import Outcome
from sfray.tasks.shares import deal, share
from sfray.tasks.task import NO_LEVEL, SPLITS, Gold, Task

_SPLIT_KEY = re.compile(r"task\.(?:sft|rl|eval)\.(levels|count)")
_PART_KEY = {"levels": "levels", "count": "splits"}
"""Where a part says what a task says per split."""


@dataclass(frozen=True)
class Part:
    """One task of a mixture.

    Attributes:
        name: Its family.
        weight: Its share of every split, relative to the other parts'.
        options: Its options.
        levels: Its levels, in every split; needed where the family has several.
        splits: The splits it takes part in.
    """

    name: str
    weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    levels: Sequence[str] = ()
    splits: Sequence[str] = SPLITS


@dataclass(frozen=True)
class MixtureOptions:
    """The parts, each a mapping with the fields of :class:`Part`."""

    parts: Sequence[Mapping[str, Any]] = ()

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value, the parts' own included."""
        if not isinstance(self.parts, list | tuple) or not self.parts:
            yield "parts: a list of tasks is needed"
            return
        for i, part in enumerate(self.parts):
            yield from (f"parts[{i}]{problem}" for problem in _part_problems(part))


class Mixture(Task):
    """Parts shared by largest remainder. ``SplitConfig.levels`` is the parts' own affair."""

    name = "mixture"
    answer_type = "the answer"
    levels = ()
    Options = MixtureOptions

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Builds every part.

        Raises:
            ValueError: A bad value, by its full key.
        """
        super().__init__(options)
        self._parts = [_read(part) for part in self.options.parts]
        self._tasks = [_build(i, part) for i, part in enumerate(self._parts)]

    def problems(self, config: TaskConfig) -> Iterator[str]:
        """Asks each part for its share of each split; levels and weights of the whole are refused, not ignored."""
        for split in SPLITS:
            whole: SplitConfig = getattr(config, split)
            if list(whole.levels) != [NO_LEVEL]:
                said = ", ".join(whole.levels)
                yield (
                    f"task.{split}.levels: a mixture has only {NO_LEVEL!r}, not [{said}]; "
                    "its parts have levels, as task.options.parts[0].levels"
                )
            if whole.weights:
                yield f"task.{split}.weights: the parts of a mixture have weights, as task.options.parts[0].weight"
        seen: dict[str, int] = {}
        for i, (part, task) in enumerate(zip(self._parts, self._tasks, strict=True)):
            where = f"task.options.parts[{i}]"
            if not part.levels and len(task.levels) > 1:
                yield f"{where}.levels: {part.name} needs some of {', '.join(task.levels)}"
                continue
            ids = {(task.name, part.options.get("name", level), s) for level in self._levels(i) for s in part.splits}
            for name in sorted(map(str, ids)):
                if (first := seen.setdefault(name, i)) != i:
                    yield f"{where}: the same task and level as parts[{first}]; their questions would share ids"
            shares = {s: self._shares(s, getattr(config, s).count)[i] for s in SPLITS}
            asked = TaskConfig(part.name, {}, **{s: SplitConfig(self._levels(i), shares[s]) for s in SPLITS})
            yield from dict.fromkeys(_in_part(where, problem) for problem in task.problems(asked))

    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question | Reject]:
        """Yields the parts' questions, dealt in turn so that every shard holds the same mixture."""
        shares = self._shares(split, config.count)
        streams = [
            task.questions(split, SplitConfig(self._levels(i), shares[i]), seed) if shares[i] else iter(())
            for i, task in enumerate(self._tasks)
        ]
        for i in deal(shares):
            yield from _up_to_question(streams[i])

    def _shares(self, split: str, count: int) -> list[int]:
        weights = [p.weight if split in p.splits else 0 for p in self._parts]
        if count and not any(weights):
            raise ValueError(f"task.{split}.count: no part of the mixture takes part in this split")
        return share(count, weights)

    def _levels(self, part: int) -> list[str]:
        return list(self._parts[part].levels) or [next(iter(self._tasks[part].levels), NO_LEVEL)]

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:  # noqa: ARG004 - the family contract
        """A mixture has no golds of its own."""
        return "a mixture's questions belong to its parts"

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:  # noqa: ARG004 - the family contract
        """Never called: every question names the task of its part.

        Raises:
            ValueError: Always.
        """
        raise ValueError("a mixture's questions are judged by their own task")


def _up_to_question(stream: Iterator[Question | Reject]) -> Iterator[Question | Reject]:
    for row in stream:
        yield row
        if isinstance(row, Question):
            return


def _in_part(where: str, problem: str) -> str:
    """Names the part's key instead of the split's."""
    return _SPLIT_KEY.sub(lambda match: f"{where}.{_PART_KEY[match[1]]}", problem, count=1)


def _part_problems(part: object) -> Iterator[str]:
    if not isinstance(part, Mapping):
        yield f": a mapping is needed, got {part!r}"
        return
    valid = [f.name for f in fields(Part)]
    yield from (f".{key}: no such key{suggestion(str(key), valid)}" for key in part if key not in valid)
    for key, kind, wanted in (
        ("levels", list, "a list"),
        ("splits", list, "a list"),
        ("options", Mapping, "a mapping"),
    ):
        if key in part and not isinstance(part[key], kind):
            yield f".{key}: {wanted} is needed, got {part[key]!r}"
            return
    weight = part.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf"):
        yield f".weight: {weight!r} must be above 0"
    yield from (
        f".splits: no split {s!r}{suggestion(str(s), SPLITS)}" for s in part.get("splits", SPLITS) if s not in SPLITS
    )
    if not isinstance(part.get("name"), str) or part["name"] == Mixture.name:
        yield f".name: the name of a task other than mixture is needed, got {part.get('name')!r}"


def _read(part: Mapping[str, Any]) -> Part:
    return Part(**{**part, "levels": [str(level) for level in part.get("levels", ())]})


def _build(index: int, part: Part) -> Task:
    from sfray.tasks.registry import build  # the registry knows this module by name only

    try:
        return build(part.name, part.options)
    except ValueError as error:
        raise ValueError(str(error).replace("task.", f"task.options.parts[{index}].")) from error
