"""How models are evaluated, and what the report shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from sfray.config.data import DecodingConfig
from sfray.config.marks import AT_LEAST_ONE, INSIDE, NOT_NEGATIVE


@dataclass(frozen=True)
class EvaluateConfig(DecodingConfig):
    """Sampled accuracy of each model on the ``eval`` split.

    Attributes:
        models: Of ``base``, ``sft``, ``grpo``.
        n_by_task: Samples per question of a task, where they are not ``n``.
        confidence: Of the intervals.
    """

    n: Annotated[int, AT_LEAST_ONE] = 4
    n_by_task: dict[str, int] = field(default_factory=dict)
    models: list[str] = field(default_factory=lambda: ["base", "sft", "grpo"])
    max_tokens: Annotated[int, AT_LEAST_ONE] = 16384
    confidence: Annotated[float, INSIDE] = 0.95

    def samples(self, task: str) -> int:
        """Samples per question of a task."""
        return self.n_by_task.get(task, self.n)


@dataclass(frozen=True)
class ReportConfig:
    """The report page.

    Attributes:
        traces: Traces and responses shown in the browser of each kind.
        published: Table of ``sfray/evaluation/published.yaml`` that the run is set beside.
        beside: Row of it for the GRPO model, an ablation's say; empty for what ``grpo.init`` tells.
    """

    traces: Annotated[int, NOT_NEGATIVE] = 40
    published: str = "qwen2.5-1.5b"
    beside: str = ""
