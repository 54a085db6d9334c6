"""The ``grpo`` stage: a model is trained by reinforcement learning against the verifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Model, Questions
from sfray.cluster import chosen_address
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
        """Several nodes need a cluster."""
        if settings.grpo.nodes > 1 and chosen_address(settings.cluster) == "local":
            yield f"grpo.nodes: {settings.grpo.nodes} with cluster.address = local, which is one node"

    def run(self, settings: GrpoSettings, inputs: Inputs, output: Artifact) -> None:
        """Trains from the last checkpoint on."""
        from sfray.training.grpo.stage import train

        train(settings, output, inputs.model.source, inputs.questions, inputs.validation)
