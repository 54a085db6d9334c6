"""The ``traces`` stage: attempts and reflections become silver traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sfray.artifacts import Attempts, Model, Questions, Reflections, Segments, Traces
from sfray.config.settings import Demand, TraceSettings
from sfray.stages.stage import Stage
from sfray.traces.recipes import needs_only_drawn

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


DRAWS = 2
"""Version of how recipes draw from a seed: another one makes another artifact, so that none mixes two."""


@dataclass(frozen=True)
class Inputs:
    """What it reads. Of the model only the tokenizer is used.

    Attributes:
        segments: Label -> segments of one skill, which the traces are to show.
    """

    model: Model
    questions: Questions
    attempts: Attempts
    reflections: Reflections
    segments: dict[str, Segments] = field(default_factory=dict)


class BuildTraces(Stage[TraceSettings, Inputs]):
    """Builds silver traces with a recipe, in a pool of TraceBuilder actors (paper Algorithm 1)."""

    settings = TraceSettings
    inputs = Inputs
    output = Traces
    group = "trace"
    cluster = "joined"

    def identity(self, settings: TraceSettings, part: str = "") -> dict[str, Any]:
        """The settings, and how recipes draw."""
        return super().identity(settings, part) | {"draws": DRAWS}

    def demand(self, settings: TraceSettings, inputs: Mapping[str, Any]) -> Sequence[Demand] | None:
        """The pairs that its traces use; all where the recipe cannot say which, or segments lengthen the traces."""
        if not inputs.get("segments") and needs_only_drawn(settings.trace):
            return [Demand(settings.trace, settings.prompts)]
        return None

    def run(self, settings: TraceSettings, inputs: Inputs, output: Artifact) -> None:
        """Builds the shards that are missing."""
        from sfray.traces.builder import Sources, build

        sources = Sources(inputs.questions, inputs.attempts, inputs.reflections, tuple(inputs.segments.values()))
        build(settings, output, inputs.model.source, sources)
