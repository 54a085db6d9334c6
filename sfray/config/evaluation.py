"""How models are evaluated, and what the report shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from sfray.config.data import DecodingConfig
from sfray.config.marks import AT_LEAST_ONE, INSIDE, NOT_NEGATIVE


@dataclass(frozen=True)
class EvaluateConfig(DecodingConfig):
    """Sampled answers of a model to evaluation questions.

    Attributes:
        n_by_task: Samples per question of a task, where they are not ``n``.
        force_to: Budget forcing: tokens that a response is made to think on to, after ``max_tokens``; null for none.
        trigger: What takes the place of the end of the thinking, and of repetitions.
    """

    n: Annotated[int, AT_LEAST_ONE] = 4
    n_by_task: dict[str, int] = field(default_factory=dict)
    max_tokens: Annotated[int, AT_LEAST_ONE] = 16384
    force_to: Annotated[int | None, AT_LEAST_ONE] = None
    trigger: str = "<sample>"

    def samples(self, task: str) -> int:
        """Samples per question of a task."""
        return self.n_by_task.get(task, self.n)


@dataclass(frozen=True)
class ResultsConfig:
    """Figures that samples are summed up in.

    Attributes:
        confidence: Of the intervals.
        skills: Skills whose segments are counted besides reflections, as
            ``sfray.skills.registry`` names them.
    """

    confidence: Annotated[float, INSIDE] = 0.95
    skills: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReportConfig:
    """The report page.

    Attributes:
        entries: Traces and responses, of all models together, that the page holds at most; where there are more, it
            holds all of a seeded choice of questions, and says so. 100,000 of 1,000 characters make 25 to 50 MB.
        published: Table of ``sfray/evaluation/published.yaml`` that the run is set beside.
        beside: Row of it for the last model, an ablation's say; empty for the row of the model's own label.
    """

    entries: Annotated[int, NOT_NEGATIVE] = 100_000
    published: str = "qwen2.5-1.5b"
    beside: str = ""
