"""How long a job may run: what the config says, or what its plan says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sfray.config.deploy import DeployConfig
from sfray.progress import clock

UNPLANNED_HOURS = 96
"""The deadline of a run whose time cannot be told beforehand."""


@dataclass(frozen=True)
class Forecast:
    """What ``sfray plan`` says of a run's time.

    Attributes:
        expected: Wall time in seconds.
        most: The same if every response were as long as it may be.
        source: Where the throughputs are from.
        unknown: Steps whose work cannot be told beforehand.
    """

    expected: float
    most: float
    source: str
    unknown: Sequence[str] = ()


@dataclass(frozen=True)
class Deadline:
    """A limit on a job, its retries included.

    Attributes:
        seconds: From its start.
        words: How it was found.
    """

    seconds: int
    words: str


def deadline(config: DeployConfig, forecast: Forecast | None) -> Deadline:
    """The limit on a job: ``deploy.hours``; else what its starts may take and the most that its plan expects.

    What hangs is found much earlier, by ``cluster.silent_minutes`` and ``engine.timeout_minutes``; this limit ends
    what they do not see. So it is "at most" of the plan and not what is expected: no job that does what its config
    allows is ended by it. A retry goes on from what is done: it takes another start, and not the work again.

    Args:
        config: The settings.
        forecast: Of the run; None where it has no plan.
    """
    if config.hours is not None:
        return Deadline(math.ceil(3600 * config.hours), f"{config.hours:g} h, as deploy.hours says")
    if forecast is None or forecast.unknown:
        known = f"has no time for {', '.join(forecast.unknown)}" if forecast else "could not be made"
        words = f"{UNPLANNED_HOURS} h: the plan {known}; set deploy.hours if you know better"
        return Deadline(3600 * UNPLANNED_HOURS, words)
    starts = config.retries + 1
    hours = math.ceil(starts * config.start_minutes / 60 + forecast.most / 3600)
    return Deadline(
        3600 * hours,
        f"{hours} h = {starts} x deploy.start_minutes of {config.start_minutes:g} + {clock(forecast.most)} at most "
        f"({clock(forecast.expected)} expected; throughputs: {forecast.source}), in whole hours; or set deploy.hours",
    )
