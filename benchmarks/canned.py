"""The ``sample`` stage with an engine that returns canned text: what remains is sfray's own work.

A method names it as ``stage: "benchmarks.canned:Sample"``. Questions, pool, judging, files, journals and manifest are
those of the real stage; vLLM is not even imported. ``seconds`` has the engine wait for each shard, without using a
core, as a driver waits for an accelerator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from sfray.artifacts import Attempts
from sfray.config import DecodingConfig
from sfray.config.marks import NOT_NEGATIVE, SPEED_ONLY
from sfray.config.settings import AttemptSettings
from sfray.sampling.attempts import AttemptJob, sample
from sfray.sampling.engine import Refused, Request, Sampled
from sfray.sampling.feed import Use
from sfray.stages.sample import Inputs
from sfray.stages.stage import Stage

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact

TEXTS = (
    "I try 3 + 4 = 7, 7 * 2 = 14, 14 - 1 = 13. <answer>(3 + 4) * 2 - 1</answer>",
    "First 12 - 5 = 7, then 7 * 6 = 42. Close, but 42 is not it: 42 + 8 = 50. <answer>(12 - 5) * 6 + 8</answer>",
    "20 / 4 = 5, 5 * 9 = 45, 45 + 3 = 48. <answer>20 / 4 * 9 + 3</answer>",
    "The numbers do not fit: 2 * 3 = 6, 6 + 11 = 17, and there is nothing left to try.",
)
"""What it answers: three legal answers, which the verifier works out, and one without."""


class Canned:
    """Answers every request at once.

    Attributes:
        feed: Itself: nothing has to be fed.
        start: When it began, as of any engine.
    """

    def __init__(self, seconds: float, on_step: Callable[[int], None]) -> None:
        self._seconds, self._on_step = seconds, on_step
        self.feed = self
        self.start = (time.time(),) * 3

    def sample(self, requests: Sequence[Request], decoding: DecodingConfig) -> list[list[Sampled] | Refused]:
        """The texts in turn, from the one that a request's seed names."""
        time.sleep(self._seconds)
        self._on_step(0)
        return [
            [_sampled(request.seed + k) for k in range(decoding.n if request.n is None else request.n)]
            for request in requests
        ]

    def close(self) -> None:
        """There is nothing to free."""

    def take_use(self) -> Use:
        """It is never idle, and never full."""
        return Use()


def _sampled(number: int) -> Sampled:
    text = TEXTS[number % len(TEXTS)]
    return Sampled(text, len(text) // 3, "stop")


@dataclass(frozen=True)
class Settings(AttemptSettings):
    """Of the stage.

    Attributes:
        seconds: That the engine waits for each shard.
    """

    seconds: Annotated[float, NOT_NEGATIVE, SPEED_ONLY] = 0.0


@dataclass(frozen=True)
class CannedJob(AttemptJob):
    """Attempts of the canned engine."""

    config: Settings

    def engine(self, model: str, on_step: Callable[[int], None]) -> Any:  # noqa: ARG002 - there is none
        """The canned engine."""
        return Canned(self.config.seconds, on_step)


class Sample(Stage[Settings, Inputs]):
    """Canned attempts."""

    settings = Settings
    inputs = Inputs
    output = Attempts
    group = "sample"
    cluster = "joined"

    def run(self, settings: Settings, inputs: Inputs, output: Artifact) -> None:
        """Writes the shards that are missing."""
        sample(settings, output, inputs.model.source, inputs.questions, CannedJob)
