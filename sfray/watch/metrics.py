"""The metrics of a run, their names and units, and the one way to set them: through Ray's exporter for Prometheus.

Ray exports a metric under its name with ``ray_`` in front (https://docs.ray.io/en/latest/cluster/metrics.html). Nothing
is counted where Ray is not in use. No result is made of these figures: they are for eyes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sfray.store.artifact import Artifact

PREFIX = "ray_"
"""What Ray puts in front of each name."""

TAGS = ("run", "step", "stage")
"""Tags of every metric: ``run.name``, the step of the method, the kind of work."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: Ends in its unit where it has one, and in ``_total`` for a counter.
        kind: ``counter``, ``gauge`` or ``histogram``.
        title: What it is called on the dashboard.
        description: What it is.
        unit: As Grafana spells it; ``short`` for a plain number.
        read: How it is read: the ``rate`` of a counter, the ``median`` of a histogram, the ``sum`` or ``max`` over
            the processes that set it, or the ``age`` of a time.
        more: Tags besides ``TAGS``.
        buckets: Upper ends of a histogram's buckets.
    """

    name: str
    kind: str
    title: str
    description: str
    unit: str = "short"
    read: str = "max"
    more: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)

ROWS = Metric(
    "sfray_rows_total", "counter", "Rows a second", "Attempts, reflections, answers or traces written", "cps", "rate"
)
TOKENS = Metric("sfray_tokens_total", "counter", "Tokens a second", "Tokens sampled or trained on", "cps", "rate")
TOKEN_RATE = Metric(
    "sfray_tokens_per_second",
    "gauge",
    "Tokens a second, as the bar shows it",
    "Since the first shard of this driver, or in the last training step",
)
RUNNING = Metric(
    "sfray_requests_running",
    "gauge",
    "Running requests",
    "Requests that engines have begun or queued and not finished; each has as many sequences as samples are asked for",
    read="sum",
)
QUEUE = Metric("sfray_shards_left", "gauge", "Shards left", "Shards of the step that are not finished")
STEP = Metric("sfray_training_step", "gauge", "Training step", "The last optimizer step")
STEP_SECONDS = Metric(
    "sfray_training_step_seconds",
    "histogram",
    "Time of a training step",
    "Of an optimizer step, its rollouts included",
    "s",
    "median",
    buckets=_SECONDS,
)
LOSS = Metric("sfray_loss", "gauge", "Loss", "SFT: mean over the tokens of the last step")
REWARD = Metric("sfray_reward", "gauge", "Reward", "GRPO: mean of the last step")
VALIDATION = Metric(
    "sfray_validation_accuracy", "gauge", "Validation accuracy", "GRPO: of the last validation", "percentunit"
)
CHECKPOINT = Metric(
    "sfray_checkpoint_time_seconds",
    "gauge",
    "Age of the last checkpoint",
    "When it was written, in seconds since the epoch",
    "s",
    "age",
)
INCIDENTS = Metric(
    "sfray_incidents",
    "gauge",
    "Restarts, shards made twice, nodes lost",
    "Of the step, over all of its drivers",
    more=("incident",),
)

METRICS = (
    ROWS, TOKENS, TOKEN_RATE, RUNNING, QUEUE, STEP, STEP_SECONDS, LOSS, REWARD, VALIDATION, CHECKPOINT, INCIDENTS,
)  # fmt: skip
"""All of them."""


def tags_of(output: Artifact) -> dict[str, str]:
    """The tags of whatever makes an artifact."""
    return {"run": output.run, "step": output.step, "stage": output.stage}


@dataclass(frozen=True)
class Meter:
    """Sets metrics under fixed tags. Plain data: it travels to actors.

    Attributes:
        tags: Value of each of ``TAGS``.
    """

    tags: Mapping[str, str]

    def add(self, metric: Metric, value: float) -> None:
        """Adds to a counter."""
        if value > 0 and (ours := _made(metric)) is not None:
            ours.inc(value, dict(self.tags))

    def set(self, metric: Metric, value: float | None, **more: str) -> None:
        """Sets a gauge; None leaves it. The keywords are the tags that it has besides."""
        if value is not None and (ours := _made(metric)) is not None:
            ours.set(value, {**self.tags, **more})

    def observe(self, metric: Metric, value: float) -> None:
        """Notes a value in a histogram."""
        if (ours := _made(metric)) is not None:
            ours.observe(value, dict(self.tags))

    def training_step(self, line: Mapping[str, Any]) -> None:
        """Notes a step of training.

        Args:
            line: Of ``metrics.jsonl``, of SFT or GRPO.
        """
        self.set(STEP, line["step"])
        self.observe(STEP_SECONDS, line["seconds"])
        self.add(TOKENS, line.get("tokens", 0))
        self.set(TOKEN_RATE, line["tokens"] / line["seconds"] if line.get("tokens") and line["seconds"] else None)
        for metric, key in ((LOSS, "loss"), (REWARD, "reward"), (VALIDATION, "validation_accuracy")):
            self.set(metric, line.get(key))


def _made(metric: Metric) -> Any:
    """Ray's own object of a metric; None where Ray is not in use."""
    ray = sys.modules.get("ray")
    return _ray_metric(metric) if ray is not None and ray.is_initialized() else None


@cache
def _ray_metric(metric: Metric) -> Any:
    from ray.util.metrics import Counter, Gauge, Histogram

    keys = (*TAGS, *metric.more)
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.description, boundaries=list(metric.buckets), tag_keys=keys)
    kind = {"counter": Counter, "gauge": Gauge}[metric.kind]
    return kind(metric.name, metric.description, tag_keys=keys)
