"""The ``sample`` stage: a model attempts questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Attempts, Model, Questions
from sfray.config.settings import AttemptSettings
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    model: Model
    questions: Questions


class Sample(Stage[AttemptSettings, Inputs]):
    """Samples attempts at questions and judges them (paper section 3)."""

    settings = AttemptSettings
    inputs = Inputs
    output = Attempts
    group = "sample"
    cluster = "joined"
    runs_model = True

    def run(self, settings: AttemptSettings, inputs: Inputs, output: Artifact) -> None:
        """Samples the shards that are missing."""
        from sfray.sampling.attempts import sample

        sample(settings, output, inputs.model.source, inputs.questions)
