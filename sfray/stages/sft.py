"""The ``sft`` stage: a model is fine-tuned on traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Model, Traces
from sfray.config.settings import SftSettings
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    model: Model
    traces: Traces


class FineTune(Stage[SftSettings, Inputs]):
    """Fine-tunes a model on traces (Ray Train and DeepSpeed)."""

    settings = SftSettings
    inputs = Inputs
    output = Model
    group = "sft"
    cluster = "joined"
    runs_model = True
    trains = True

    def run(self, settings: SftSettings, inputs: Inputs, output: Artifact) -> None:
        """Trains from the last checkpoint on."""
        from sfray.training.sft.stage import train

        train(settings, output, inputs.model.source, inputs.traces)
