"""The ``quality`` stage: how good attempts and reflections are, before anything is trained on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfray.artifacts import Attempts, Model, Quality, Questions, Reflections
from sfray.config.settings import Demand, QualitySettings
from sfray.stages.stage import Stage
from sfray.traces.recipes import needs_only_drawn

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    model: Model
    questions: Questions
    attempts: Attempts
    reflections: Reflections


class MeasureQuality(Stage[QualitySettings, Inputs]):
    """Measures attempts and reflections and stops the run below the floors of ``quality``."""

    settings = QualitySettings
    inputs = Inputs
    output = Quality
    group = "quality"

    def demand(self, settings: QualitySettings, inputs: Mapping[str, Any]) -> Sequence[Demand] | None:  # noqa: ARG002
        """The pairs of the traces that it counts, which no limit on tokens holds back, and a sample of all."""
        if needs_only_drawn(settings.trace):
            return [Demand(settings.trace, "", limited=False, probe=settings.quality.probe)]
        return None

    def run(self, settings: QualitySettings, inputs: Inputs, output: Artifact) -> None:
        """Writes ``quality.json`` and holds it against the floors."""
        from sfray.evaluation.quality import write

        write(settings, output, inputs.model.source, inputs.questions, inputs.attempts, inputs.reflections)
