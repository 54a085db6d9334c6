"""The task families by name, and the one way to verify a text."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sfray import plugins
from sfray.config import TaskConfig
from sfray.names import suggestion
from sfray.tasks.answer import extract
from sfray.tasks.outcome import Outcome
from sfray.tasks.task import ATTRIBUTES, Task

FAMILIES = {
    "countdown": "sfray.tasks.countdown:Countdown",
    "letter_countdown": "sfray.tasks.letter_countdown:LetterCountdown",
    "acronym": "sfray.tasks.acronym:Acronym",
    "multiplication": "sfray.tasks.multiplication:Multiplication",
    "commonsense_qa": "sfray.tasks.choice:CommonsenseQa",
    "gpqa": "sfray.tasks.choice:Gpqa",
    "gsm8k": "sfray.tasks.gsm8k:Gsm8k",
    "aime2025": "sfray.tasks.mathematics:Aime2025",
    "amc": "sfray.tasks.mathematics:Amc",
    "math500": "sfray.tasks.mathematics:Math500",
    "openthoughts": "sfray.tasks.openthoughts:OpenThoughts",
    "reasoning_gym": "sfray.tasks.reasoning_gym:ReasoningGym",
    "mixture": "sfray.tasks.mixture:Mixture",
}
"""Name -> ``module:class``; imported on first use."""


@cache
def family(name: str, key: str = "task.name") -> type[Task]:
    """The class of a family.

    Args:
        name: One of ``FAMILIES``, or ``package.module:Name`` for one that is not part of sfray.
        key: The config key that holds the name, for errors.

    Raises:
        ValueError: No such family (names the nearest), or a class that is no complete task.
    """
    if plugins.is_code(name):
        return _outside(name, key)
    if name not in FAMILIES:
        raise ValueError(f"{key}: no task {name!r}{suggestion(name, FAMILIES)}")
    module, _, cls = FAMILIES[name].partition(":")
    return getattr(importlib.import_module(module), cls)


def _outside(name: str, key: str) -> type[Task]:
    """A family by ``package.module:Name``.

    Questions carry the name of their family, and other processes find it by that name alone.
    """
    cls = plugins.subclass(key, name, Task)  # type: ignore[type-abstract]
    if missing := [attribute for attribute in ATTRIBUTES if not hasattr(cls, attribute)]:
        raise ValueError(f"{key}: {name} does not define {', '.join(missing)}")
    if FAMILIES.get(cls.name) != f"{cls.__module__}:{cls.__qualname__}" and not plugins.is_code(cls.name):
        raise ValueError(f"{key}: {name} sets name = {cls.name!r}, by which it is not found; leave the line out")
    return cls


def build(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """A configured task.

    Raises:
        ValueError: Unknown family or option, or a bad value.
    """
    return family(name)(options)


def problems(config: TaskConfig) -> Iterator[str]:
    """Yields a line for everything that is wrong with a task config, without loading data."""
    try:
        task = build(config.name, config.options)
    except ValueError as error:
        yield from str(error).splitlines()
    else:
        yield from task.problems(config)


def verify(task: str, gold: str, text: str) -> Outcome:
    """Judges a response: labels, rewards and evaluation all come from here.

    Args:
        task: Name of the family.
        gold: ``Question.gold``.
        text: The whole response.
    """
    answer = extract(text)
    if isinstance(answer, Outcome):
        return answer
    return family(task).judge(json.loads(gold), answer)
