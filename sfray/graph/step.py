"""A step of a method: one use of a stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sfray.stages.stage import Stage


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
        return list(dict.fromkeys(ref.step for ref in refs(self.inputs)))


def refs(inputs: Mapping[str, Ref | Mapping[str, Ref]]) -> Iterable[Ref]:
    """What the inputs of a step name."""
    for value in inputs.values():
        yield from value.values() if isinstance(value, Mapping) else [value]
