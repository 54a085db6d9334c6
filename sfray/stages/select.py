"""The ``select`` stage: correct attempts become training data as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Attempts, Model, Questions, Traces
from sfray.config.settings import SelectSettings
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads. Of the model only the tokenizer is used."""

    model: Model
    questions: Questions
    attempts: Attempts


class SelectCorrect(Stage[SelectSettings, Inputs]):
    """Selects correct attempts to fine-tune on, as STaR does (arXiv:2203.14465)."""

    settings = SelectSettings
    inputs = Inputs
    output = Traces
    group = "select"

    def run(self, settings: SelectSettings, inputs: Inputs, output: Artifact) -> None:
        """Selects in the shards that are missing."""
        from sfray.traces.selection import select

        select(settings, output, inputs.model.source, inputs.questions, inputs.attempts)
