"""A method while it is checked: its steps as they were written, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import graphlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sfray.config import Config
from sfray.config.marks import out_of_bounds
from sfray.config.validation import ConfigError, typed, value_problems
from sfray.graph.step import Ref, Step, refs
from sfray.names import closest
from sfray.stages import STAGES, load
from sfray.stages.stage import Input, Reader, Stage, declared_inputs, is_required, own_settings
from sfray.store.fingerprint import of_step

_SHARED = ("prompts",)
"""Keys of the config, outside the stage's own group, that a step may set for itself."""


class Draft:
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
        for other, field in own_settings(type(stage)).items():
            if is_required(field) and other not in rest:
                self.problems.append(f"{key}.{other}: must be given")

    def _settable(self, stage: Stage[Any, Any]) -> Iterator[str]:
        """The settings that a step of this stage may set for itself."""
        if stage.group:
            yield from (f.name for f in dataclasses.fields(getattr(self.config, stage.group)))
        yield from (f.name for f in dataclasses.fields(stage.settings) if f.name in _SHARED)
        yield from own_settings(type(stage))

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
        return {name: [ref.step for ref in refs(self.inputs[name])] for name in self.stages}

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
        settings = stage.serving(self._settings(name), _named(self.inputs[name]), self._readers(name))

        def known(ref: Ref) -> str:
            """The fingerprint of what an input names."""
            if ref.step in imported:
                return imported[ref.step]
            made = before[ref.step]
            identity = made.stage.identity(made.settings, ref.part)
            return of_step(made.kind, identity, made.given)

        inputs = self.inputs[name]
        given = {k: {n: known(r) for n, r in v.items()} if isinstance(v, dict) else known(v) for k, v in inputs.items()}
        kind = str(self.config.method[name]["stage"])
        return Step(name, kind, stage, settings, inputs, stage.identity(settings), given)

    def _readers(self, name: str) -> list[Reader]:
        """The steps that read what a step makes."""
        return [
            Reader(other, self.stages[other], self._settings(other), _named(inputs))
            for other, inputs in self.inputs.items()
            if any(ref.step == name for ref in refs(inputs))
        ]

    def _settings(self, name: str) -> Any:
        """What the work of a step is given: parts of the config, and the settings that are the stage's own."""
        stage, key = self.stages[name], f"method.{name}."
        own = own_settings(type(stage))
        config = self._with_own(name)
        given = {f.name: getattr(config, f.name) for f in dataclasses.fields(stage.settings) if f.name not in own}
        given |= typed(stage.settings, {k: v for k, v in self.own[name].items() if k in own}, key)
        settings = stage.settings(**given)
        if wrong := list(out_of_bounds(settings, key)) if own else []:
            raise ConfigError(wrong)
        return settings

    def _with_own(self, name: str) -> Config:
        """The config with what of it a step sets for itself."""
        stage = self.stages[name]
        own = {k: v for k, v in self.own[name].items() if k not in own_settings(type(stage))}
        if not own:
            return self.config
        group = stage.group
        shared: dict[str, Any] = {k: str(v) for k, v in own.items() if k in _SHARED}
        values = {k: v for k, v in own.items() if k not in _SHARED}
        changed = dict(shared)
        if group:
            there = getattr(self.config, group)
            changed[group] = dataclasses.replace(there, **typed(type(there), values, f"method.{name}."))
        config = dataclasses.replace(self.config, **changed)
        there = set(value_problems(self.config))
        used = {field.name for field in dataclasses.fields(self.stages[name].settings)}
        new = [line for line in value_problems(config) if line not in there]
        if wrong := [line for line in new if re.split(r"\W", line)[0] in used]:
            raise ConfigError([self.located(name, line) for line in wrong])
        return config

    def located(self, name: str, line: str) -> str:
        """What is wrong with a setting, under the key where it was set: the step's own, or the group's."""
        own, stage = self.own[name], self.stages[name]
        only = own_settings(type(stage))
        for setting in (*own, *only):
            key = setting if setting in (*_SHARED, *only) else f"{stage.group}.{setting}"
            if re.match(rf"{re.escape(key)}\b", line):
                return f"method.{name}.{setting}{line.removeprefix(key)}"
        return f"method.{name}: {line}" if own else line


def _named(inputs: Mapping[str, Ref | dict[str, Ref]]) -> dict[str, Any]:
    """Inputs by the names that a method's YAML gives them."""
    return {k: {n: str(r) for n, r in v.items()} if isinstance(v, dict) else str(v) for k, v in inputs.items()}
