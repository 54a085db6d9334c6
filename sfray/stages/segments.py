"""The ``segments`` stage: a model plans, decomposes or goes back, for questions or for attempts at them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfray.artifacts import Attempts, Model, Questions, Segments
from sfray.config.settings import SegmentSettings
from sfray.prompts import load
from sfray.skills.registry import sampled
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads; the attempts only for a skill whose segments speak of attempts."""

    model: Model
    questions: Questions
    attempts: Attempts | None = None


class SampleSegments(Stage[SegmentSettings, Inputs]):
    """Samples segments of one skill, which traces can show besides attempts and reflections."""

    settings = SegmentSettings
    inputs = Inputs
    output = Segments
    group = "segments"
    cluster = "joined"
    runs_model = True

    def problems(self, settings: SegmentSettings) -> Iterator[str]:
        """The skill must be there, and each wording that it is asked for with."""
        try:
            sampled(settings.segments, load(settings.prompts))
        except ValueError as error:
            yield str(error)

    def run(self, settings: SegmentSettings, inputs: Inputs, output: Artifact) -> None:
        """Samples the shards that are missing."""
        from sfray.sampling.segments import sample

        sample(settings, output, inputs.model.source, inputs.questions, inputs.attempts)
