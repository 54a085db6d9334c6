"""A method, from YAML to checked steps in order: pure, it starts nothing and writes nothing.

A method names steps; each has a stage, its inputs, and settings of its own that differ from
the config's::

    attempts_2: {stage: sample, model: sft_1, questions: questions.sft, temperature: 1.0}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sfray.config import Config
from sfray.config.validation import ConfigError
from sfray.graph.draft import Draft
from sfray.graph.step import Step
from sfray.names import suggestion
from sfray.stages.stage import JointStage


def build(config: Config, imported: Mapping[str, str] = {}) -> dict[str, Step]:
    """Checks a method and puts its steps in order.

    Args:
        config: The config; ``config.method`` is the method.
        imported: Step -> fingerprint of what is there already, whatever its settings would make.

    Returns:
        Step's name -> step: each one after those it reads, else in the order of the method.

    Raises:
        ConfigError: With a line for each thing that is wrong, each with its full key.
    """
    draft = Draft(config)
    if draft.problems:
        raise ConfigError(draft.problems)
    steps: dict[str, Step] = {}
    problems: list[str] = []
    for name in draft.order():
        step = draft.step(name, steps, imported)
        problems += [draft.located(name, line) for line in step.stage.problems(step.settings)]
        steps[name] = step
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return steps


def chosen(steps: Mapping[str, Step], wanted: Sequence[str]) -> list[str]:
    """The steps to make: the wanted ones and all that they need, in order; all of them for none.

    Raises:
        ConfigError: A wanted step is not one of the method.
    """
    if unknown := [f"steps[{i}]: no step {w!r}{suggestion(w, steps)}" for i, w in enumerate(wanted) if w not in steps]:
        raise ConfigError(unknown)
    needed: set[str] = set()
    waiting = list(wanted or steps)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += steps[name].needs
    return [name for name in steps if name in needed]


def together(steps: Sequence[Step]) -> list[list[Step]]:
    """Puts steps that are made in one go into groups: neighbours of one joint stage, none of which reads another.

    Args:
        steps: The steps that are left to make, in order.
    """
    groups: list[list[Step]] = []
    for step in steps:
        last = groups[-1] if groups else []
        joint = bool(last) and isinstance(step.stage, JointStage) and type(step.stage) is type(last[0].stage)
        if joint and not {other.name for other in last} & set(step.needs):
            last.append(step)
        else:
            groups.append([step])
    return groups
