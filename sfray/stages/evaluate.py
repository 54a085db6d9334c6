"""The ``evaluate`` stage: a model answers evaluation questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Model, Questions, Responses
from sfray.config.settings import EvaluationSettings
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    model: Model
    questions: Questions


class Evaluate(Stage[EvaluationSettings, Inputs]):
    """Samples a model's answers to evaluation questions and judges them."""

    settings = EvaluationSettings
    inputs = Inputs
    output = Responses
    group = "evaluate"
    cluster = "joined"
    runs_model = True

    def run(self, settings: EvaluationSettings, inputs: Inputs, output: Artifact) -> None:
        """Samples the shards that are missing."""
        from sfray.sampling.completions import sample

        sample(settings, output, inputs.model.source, inputs.questions)
