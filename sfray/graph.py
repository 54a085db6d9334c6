"""A method, from YAML to checked steps in order: pure, it starts nothing and writes nothing.

A method names steps; each has a stage, its inputs, and settings of its own that differ from
the config's::

    attempts_2: {stage: sample, model: sft_1, questions: questions.sft, temperature: 1.0}
"""

from __future__ import annotations

import dataclasses
import graphlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfray.config import Config
from sfray.names import closest, suggestion
from sfray.stage import Input, Stage, declared_inputs
from sfray.stages import STAGES, load
from sfray.store import Artifact
from sfray.validation import ConfigError, set_fields, value_problems

_SHARED = ("prompts",)
"""Keys of the config, outside the stage's own group, that a step may set for itself."""


@dataclass(frozen=True)
class Ref:
    """What an input names: a step, and the part of its output that is meant."""

    step: str
    part: str = ""

    def __str__(self) -> str:
        """As a method's YAML writes it."""
        return f"{self.step}.{self.part}" if self.part else self.step


@dataclass(frozen=True)
class Step:
    """One use of a stage.

    Attributes:
        name: Its name in the method.
        kind: Name of the stage.
        stage: What does the work.
        settings: What of the config the work is given, with the step's own settings.
        inputs: Input -> what it names; an input of several: label -> what it names.
        identity: What of the settings decides the output.
        given: Input -> fingerprint, in the same shape as ``inputs``.
    """

    name: str
    kind: str
    stage: Stage[Any, Any]
    settings: Any
    inputs: Mapping[str, Ref | Mapping[str, Ref]]
    identity: Mapping[str, Any]
    given: Mapping[str, Any]

    @property
    def needs(self) -> list[str]:
        """The steps that it reads."""
        return list(dict.fromkeys(ref.step for ref in _refs(self.inputs)))


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
    draft = _Draft(config)
    if draft.problems:
        raise ConfigError(draft.problems)
    steps: dict[str, Step] = {}
    problems: list[str] = []
    for name in draft.order():
        step = draft.step(name, steps, imported)
        own = f"method.{name}."
        problems += [f"{own}{line}" if draft.own[name] else line for line in step.stage.problems(step.settings)]
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


class _Draft:
    """A method while it is checked.

    Attributes:
        problems: What is wrong, each line with its full key.
        own: Step -> the settings that it sets for itself.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.problems: list[str] = []
        self.stages: dict[str, Stage[Any, Any]] = {}
        self.inputs: dict[str, dict[str, Ref | dict[str, Ref]]] = {}
        self.own: dict[str, dict[str, Any]] = {}
        if not config.method:
            self.problems.append("method: no steps; choose a method, as in method=skillfactory")
        for name, raw in config.method.items():
            self._read(name, raw)
        for name in self.stages:
            self._check_inputs(name)
        if not self.problems:
            self._check_order()

    def _read(self, name: str, raw: Any) -> None:
        """Reads a step: its stage, its inputs, its own settings."""
        key = f"method.{name}"
        if not isinstance(raw, Mapping):
            self.problems.append(f"{key}: expected a group of keys with a stage, got {raw!r}")
            return
        if not name.isidentifier():
            self.problems.append(f"{key}: a step's name is made of letters, digits and _")
        if "stage" not in raw:
            self.problems.append(f"{key}.stage: must be given; there are {', '.join(STAGES)}")
            return
        try:
            stage = load(f"{key}.stage", str(raw["stage"]))
        except ValueError as error:
            self.problems.append(str(error))
            return
        self.stages[name] = stage
        declared = {i.name: i for i in declared_inputs(type(stage))}
        self.inputs[name] = {}
        for other, value in raw.items():
            if other in declared and value is not None:
                self._read_input(name, declared[other], value)
        rest = {k: v for k, v in raw.items() if k != "stage" and k not in declared}
        self.own[name] = rest
        allowed = [*self._settable(stage)]
        for other in rest:
            if other not in allowed:
                hint = closest(other, [*declared, *allowed])
                self.problems.append(f"{key}.{other}: neither an input nor a setting of the stage {raw['stage']}{hint}")

    def _settable(self, stage: Stage[Any, Any]) -> Iterator[str]:
        """The settings that a step of this stage may set for itself."""
        if stage.group:
            yield from (f.name for f in dataclasses.fields(getattr(self.config, stage.group)))
        yield from (f.name for f in dataclasses.fields(stage.settings) if f.name in _SHARED)

    def _read_input(self, name: str, declared: Input, value: Any) -> None:
        key = f"method.{name}.{declared.name}"
        if declared.labelled and isinstance(value, Mapping) and value:
            labelled = {str(label): self._ref(f"{key}.{label}", named) for label, named in value.items()}
            self.inputs[name][declared.name] = {label: ref for label, ref in labelled.items() if ref}
        elif declared.labelled:
            self.problems.append(f"{key}: expected labels and the step of each, as {{base: eval_base}}, got {value!r}")
        elif ref := self._ref(key, value):
            self.inputs[name][declared.name] = ref

    def _ref(self, key: str, value: Any) -> Ref | None:
        if not isinstance(value, str):
            self.problems.append(f"{key}: expected the name of a step, got {value!r}")
            return None
        step, _, part = value.partition(".")
        return Ref(step, part)

    def _check_inputs(self, name: str) -> None:
        """Every input is given and of its kind."""
        for declared in declared_inputs(type(self.stages[name])):
            key = f"method.{name}.{declared.name}"
            value = self.inputs[name].get(declared.name)
            if value is None:
                if declared.required and not any(p.startswith(key) for p in self.problems):
                    able = self._able(name, declared)
                    self.problems.append(f"{key}: must be given: a step that makes {declared.kind.__name__}{able}")
                continue
            for label, ref in value.items() if isinstance(value, dict) else [("", value)]:
                self.problems += self._mismatch(f"{key}.{label}" if label else key, name, declared, ref)

    def _mismatch(self, key: str, name: str, declared: Input, ref: Ref) -> Iterator[str]:
        """Yields why an input does not fit."""
        if ref.step not in self.config.method:
            yield f"{key}: no step {ref.step!r}{closest(ref.step, list(self.config.method))}"
            return
        if ref.step not in self.stages:  # which has been reported
            return
        output = self.stages[ref.step].output
        if output is not declared.kind:
            able = self._able(name, declared)
            yield f"{key}: {ref.step!r} makes {output.__name__}, not {declared.kind.__name__}{able}"
        elif ref.part not in (output.parts or ("",)):
            wanted = f"one of {', '.join(f'{ref.step}.{p}' for p in output.parts)}" if output.parts else ref.step
            yield f"{key}: {str(ref)!r} must be {wanted}"

    def _able(self, name: str, declared: Input) -> str:
        """A hint at the steps that make what an input wants."""
        able = [n for n, stage in self.stages.items() if stage.output is declared.kind and n != name]
        return f", as {' or '.join(able)}" if able else ""

    def _check_order(self) -> None:
        try:
            graphlib.TopologicalSorter(self._needs()).prepare()
        except graphlib.CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            self.problems.append(f"method: the steps {circle} need each other")

    def _needs(self) -> dict[str, list[str]]:
        return {name: [ref.step for ref in _refs(self.inputs[name])] for name in self.stages}

    def order(self) -> list[str]:
        """Each step after those it reads; of those that are ready the first of the method comes first."""
        sorter = graphlib.TopologicalSorter(self._needs())
        sorter.prepare()
        rank = {name: i for i, name in enumerate(self.stages)}
        ready: list[str] = []
        order: list[str] = []
        while sorter.is_active():
            ready += sorter.get_ready()
            name = min(ready, key=rank.__getitem__)
            ready.remove(name)
            order.append(name)
            sorter.done(name)
        return order

    def step(self, name: str, before: Mapping[str, Step], imported: Mapping[str, str]) -> Step:
        """A step whose inputs are known.

        Raises:
            ConfigError: Its own settings are not of their types, or out of bounds.
        """
        stage = self.stages[name]
        config = self._with_own(name)
        fields = dataclasses.fields(stage.settings)
        settings = stage.settings(**{f.name: getattr(config, f.name) for f in fields})

        def known(ref: Ref) -> str:
            """The fingerprint of what an input names."""
            if ref.step in imported:
                return imported[ref.step]
            made = before[ref.step]
            identity = made.stage.identity(made.settings, ref.part)
            return Artifact(Path(), made.kind, identity, made.given).fingerprint

        inputs = self.inputs[name]
        given = {k: {n: known(r) for n, r in v.items()} if isinstance(v, dict) else known(v) for k, v in inputs.items()}
        kind = str(self.config.method[name]["stage"])
        return Step(name, kind, stage, settings, inputs, stage.identity(settings), given)

    def _with_own(self, name: str) -> Config:
        """The config with the settings that a step sets for itself."""
        own, group = self.own[name], self.stages[name].group
        if not own:
            return self.config
        shared = {k: str(v) for k, v in own.items() if k in _SHARED}
        values = {k: v for k, v in own.items() if k not in _SHARED}
        changed: dict[str, Any] = shared
        if group:
            changed[group] = set_fields(getattr(self.config, group), values, f"method.{name}.")
        config = dataclasses.replace(self.config, **changed)
        if wrong := [line for line in value_problems(config) if line not in set(value_problems(self.config))]:
            raise ConfigError([f"method.{name}: {line}" for line in wrong])
        return config


def _refs(inputs: Mapping[str, Ref | Mapping[str, Ref]]) -> Iterable[Ref]:
    for value in inputs.values():
        yield from value.values() if isinstance(value, Mapping) else [value]
