"""The ``reflect`` stage: a model judges attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Attempts, Model, Questions, Reflections
from sfray.config.settings import ReflectionSettings
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    model: Model
    questions: Questions
    attempts: Attempts


class Reflect(Stage[ReflectionSettings, Inputs]):
    """Samples reflections on attempts (paper section 3)."""

    settings = ReflectionSettings
    inputs = Inputs
    output = Reflections
    group = "reflect"
    cluster = "joined"
    runs_model = True

    def run(self, settings: ReflectionSettings, inputs: Inputs, output: Artifact) -> None:
        """Samples the shards that are missing."""
        from sfray.sampling.reflections import sample

        sample(settings, output, inputs.model.source, inputs.questions, inputs.attempts)
