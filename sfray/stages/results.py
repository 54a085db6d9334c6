"""The ``results`` stage: accuracies of several models and their differences, question by question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Questions, Responses, Results
from sfray.config.settings import ResultSettings
from sfray.skills.registry import problems
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads: the questions, and label -> responses of each model."""

    questions: Questions
    models: dict[str, Responses]


class SumUp(Stage[ResultSettings, Inputs]):
    """Sums up evaluations of the same questions."""

    settings = ResultSettings
    inputs = Inputs
    output = Results
    group = "results"

    def problems(self, settings: ResultSettings) -> Iterator[str]:
        """The skills to count must be there."""
        yield from problems(settings.results.skills, "results.skills")

    def run(self, settings: ResultSettings, inputs: Inputs, output: Artifact) -> None:
        """Writes ``results.json``."""
        from sfray.evaluation.results import write

        write(settings, output, inputs.questions, inputs.models)
