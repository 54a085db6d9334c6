"""The base class of stages: a kind of work with its settings, its typed inputs and its one output."""

from __future__ import annotations

import dataclasses
import typing
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from sfray import prompts
from sfray.artifacts import Kind
from sfray.config import Config
from sfray.config.marks import SPEED_ONLY, marks, speed_only
from sfray.config.settings import Demand

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact

S = TypeVar("S")
R = TypeVar("R")

CLUSTERS = ("none", "joined", "own")
"""What a stage may want of a Ray cluster."""


class Stage(ABC, Generic[S, R]):
    """A kind of work. A step of a method is one use of it.

    Attributes:
        settings: Dataclass of what the work is given. A field with the name of a group, or of a key,
            of :class:`sfray.config.Config` is given that; any other is the stage's own, and a step
            sets it. What is not given cannot be read, and what is given is part of the artifact's
            fingerprint, unless the field is marked ``SPEED_ONLY``.
        inputs: Dataclass of the artifacts that it reads: each field is a kind of
            :mod:`sfray.artifacts`, or a ``dict`` from labels to artifacts of one kind.
        output: The kind of artifact that it makes.
        group: The group of the config whose keys a step may set for itself; empty for none.
        cluster: ``joined``: it works on the Ray cluster; ``own``: it brings or joins one itself, so ours
            is left before; ``none``.
        runs_model: Whether it loads the weights of its model; its settings then have ``model`` and ``engine``.
        trains: Whether it changes them.
    """

    settings: ClassVar[type]
    inputs: ClassVar[type]
    output: ClassVar[type[Kind]]
    group: ClassVar[str] = ""
    cluster: ClassVar[str] = "none"
    runs_model: ClassVar[bool] = False
    trains: ClassVar[bool] = False

    @abstractmethod
    def run(self, settings: S, inputs: R, output: Artifact) -> None:
        """Makes what is missing of the artifact and commits it."""

    def identity(self, settings: S, part: str = "") -> dict[str, Any]:  # noqa: ARG002 - for stages with parts
        """What of the settings decides what is in the artifact, in plain containers.

        Args:
            settings: As given.
            part: Only what decides this part of the output; empty for all of it.
        """
        return identity(settings)

    def demand(self, settings: S, inputs: Mapping[str, Any]) -> Sequence[Demand] | None:  # noqa: ARG002
        """What it needs of the reflections that it reads; None for all of them.

        Args:
            settings: As given.
            inputs: Input -> name of what is read.
        """
        return None

    def serving(self, settings: S, inputs: Mapping[str, Any], readers: Sequence[Reader]) -> S:  # noqa: ARG002
        """The settings for a method in which these steps read the output.

        Args:
            settings: As given.
            inputs: Input -> name of what is read.
            readers: The steps of the method that read the output.
        """
        return settings

    def problems(self, settings: S) -> Iterator[str]:  # noqa: ARG002 - for stages with rules
        """Yields a line for each thing about the settings that cannot work for this stage."""
        yield from ()


@dataclasses.dataclass(frozen=True)
class Work(Generic[S, R]):
    """What a stage is given for one step; see :meth:`Stage.run`."""

    settings: S
    inputs: R
    output: Artifact


class JointStage(Stage[S, R]):
    """A stage that does several steps in one go, where they follow each other and none reads another.

    It saves what each of them would have to start. What it makes is what it would make one by one.
    """

    @abstractmethod
    def run_all(self, works: Sequence[Work[S, R]]) -> Iterator[int]:
        """Makes what is missing of several artifacts, and commits each as soon as it is whole.

        Yields:
            The place of each one that is committed.
        """

    def run(self, settings: S, inputs: R, output: Artifact) -> None:
        """Makes what is missing of one artifact."""
        for _ in self.run_all([Work(settings, inputs, output)]):
            pass


@dataclasses.dataclass(frozen=True)
class Reader:
    """A step that reads another's output.

    Attributes:
        name: Its name.
        stage: Its stage.
        settings: Its settings.
        inputs: Input -> name of what is read; of an input of several, label -> name.
    """

    name: str
    stage: Stage[Any, Any]
    settings: Any
    inputs: Mapping[str, Any]

    @property
    def demand(self) -> Sequence[Demand] | None:
        """What it needs of reflections; None for all."""
        return self.stage.demand(self.settings, self.inputs)


def identity(settings: Any) -> dict[str, Any]:
    """The fields that are not marked as changing only speed; prompts count by what they say."""
    values: dict[str, Any] = {}
    for name, extras in marks(type(settings)).items():
        value = getattr(settings, name)
        if SPEED_ONLY in extras:
            continue
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            ignored = speed_only(value)
            values[name] = {k: v for k, v in dataclasses.asdict(value).items() if k not in ignored}
        else:
            values[name] = prompts.load(value).digest if name == "prompts" else value
    return values


@dataclasses.dataclass(frozen=True)
class Input:
    """One input that a stage declares.

    Attributes:
        name: Its name.
        kind: Of the artifact.
        labelled: Whether it is several artifacts, each under a label.
        required: Whether a step must give it.
    """

    name: str
    kind: type[Kind]
    labelled: bool
    required: bool


def own_settings(stage: type[Stage[Any, Any]]) -> dict[str, dataclasses.Field[Any]]:
    """The settings that no key of the config has, by name: a step gives them to the stage."""
    shared = {f.name for f in dataclasses.fields(Config)}
    return {f.name: f for f in dataclasses.fields(stage.settings) if f.name not in shared}


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Whether a field of a dataclass has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def declared_inputs(stage: type[Stage[Any, Any]]) -> list[Input]:
    """The inputs of a stage, read off its ``inputs`` dataclass.

    Raises:
        ValueError: A field of it is no artifact.
    """
    hints = typing.get_type_hints(stage.inputs)
    found = []
    for field in dataclasses.fields(stage.inputs):
        kinds = [t for t in _parts(hints[field.name]) if isinstance(t, type) and issubclass(t, Kind)]
        if not kinds:
            raise ValueError(f"inputs.{field.name}: must be a kind of sfray.artifacts, or a dict of labels to one")
        labelled = typing.get_origin(hints[field.name]) is dict
        found.append(Input(field.name, kinds[0], labelled, is_required(field)))
    return found


def fault(stage: type[Stage[Any, Any]]) -> str | None:
    """What is wrong with the class of a stage, or None."""
    for name in ("settings", "inputs"):
        if not dataclasses.is_dataclass(getattr(stage, name, None)):
            return f"{name}: must be a dataclass"
    output = getattr(stage, "output", None)
    if not isinstance(output, type) or not issubclass(output, Kind):
        return f"output: {output!r} must be a kind of sfray.artifacts"
    if stage.group and not dataclasses.is_dataclass(getattr(Config(), stage.group, None)):
        return f"group: {stage.group!r} must be a group of the config"
    if stage.cluster not in CLUSTERS:
        return f"cluster: {stage.cluster!r} must be one of {', '.join(CLUSTERS)}"
    given = [f.name for f in dataclasses.fields(stage.settings)]
    if stage.runs_model and not {"model", "engine"} <= set(given):
        return "settings: must have model and engine, as runs_model is set"
    try:
        names = ["stage", *(i.name for i in declared_inputs(stage)), *own_settings(stage)]
    except ValueError as error:
        return str(error)
    names += [f.name for f in dataclasses.fields(getattr(Config(), stage.group))] if stage.group else []
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"{twice[0]}: a step would have two keys of this name; rename one" if twice else None


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for inner in typing.get_args(hint):
        yield from _parts(inner)
