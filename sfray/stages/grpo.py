"""The ``grpo`` stage: a model is trained by reinforcement learning against the verifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Model, Questions
from sfray.config.settings import GrpoSettings
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    model: Model
    questions: Questions
    validation: Questions


class Grpo(Stage[GrpoSettings, Inputs]):
    """Trains a model with GRPO against a 0/1 reward (verl; paper section 4)."""

    settings = GrpoSettings
    inputs = Inputs
    output = Model
    group = "grpo"
    cluster = "own"
    runs_model = True
    trains = True

    def problems(self, settings: GrpoSettings) -> Iterator[str]:
        """On CPU verl works on one node."""
        if settings.engine.device == "cpu" and settings.grpo.nodes > 1:
            nodes = settings.grpo.nodes
            yield f"grpo.nodes: {nodes} with engine.device = cpu, where verl has a Ray of its own on one node"

    def run(self, settings: GrpoSettings, inputs: Inputs, output: Artifact) -> None:
        """Trains from the last checkpoint on."""
        from sfray.training.grpo.stage import train

        train(settings, output, inputs.model.source, inputs.questions, inputs.validation)
