"""The ``evaluate`` stage: a model answers evaluation questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sfray.artifacts import Model, Questions, Responses
from sfray.config.settings import EvaluationSettings
from sfray.stages.stage import JointStage, Work


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    model: Model
    questions: Questions


class Evaluate(JointStage[EvaluationSettings, Inputs]):
    """Samples a model's answers to evaluation questions and judges them."""

    settings = EvaluationSettings
    inputs = Inputs
    output = Responses
    group = "evaluate"
    cluster = "joined"
    runs_model = True

    def run_all(self, works: Sequence[Work[EvaluationSettings, Inputs]]) -> Iterator[int]:
        """Samples the shards that are missing: engines start once, and load one model after the other."""
        from sfray.sampling.completions import Evaluation, sample

        yield from sample([Evaluation(w.settings, w.output, w.inputs.model.source, w.inputs.questions) for w in works])
