"""What a sampling stage asks of a shard, and of which model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sfray.config import DecodingConfig, EngineConfig, ModelConfig
from sfray.config.settings import SamplingSettings
from sfray.models import resolve
from sfray.records import Reject
from sfray.sampling.engine import Engine, Refused, Request, Sampled
from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class ShardJob(ABC):
    """What a sampling stage asks of a shard, and what becomes of the answers.

    Plain data: it is sent to every actor.
    """

    output: Artifact
    config: SamplingSettings

    record: ClassVar[type]

    @property
    @abstractmethod
    def decoding(self) -> DecodingConfig:
        """How to sample."""

    def engine(self, model: str, on_step: Callable[[int], None]) -> Engine:
        """Loads the engine, in the actor. Override where another one answers.

        Args:
            model: As :func:`sfray.models.folder.resolve` takes it.
            on_step: Is told after each step of the engine how many requests are unfinished.
        """
        # Resolved here: a model of the hub lies where this node keeps its downloads.
        return Engine(resolve(model), self.config.model, self.config.engine, on_step)

    @abstractmethod
    def requests(self, shard: int) -> tuple[list[Any], list[Request], list[Reject]]:
        """Reads a shard: its sources, a request for each, and what cannot be asked."""

    def sampled(self, engine: Engine, requests: Sequence[Request]) -> list[list[Sampled] | Refused]:
        """The engine's answers."""
        return engine.sample(requests, self.decoding)

    def finished(self, engine: Engine, shard: int) -> Finished:
        """All of a shard: one request for each source. Override where requests depend on answers."""
        sources, requests, rejects = self.requests(shard)
        rows: list[Any] = []
        tokens = 0
        for source, request, samples in zip(sources, requests, self.sampled(engine, requests), strict=True):
            if isinstance(samples, Refused):
                rejects.append(Reject(id=request.id, reason=samples.reason, detail=samples.detail))
                continue
            tokens += sum(s.tokens for s in samples)
            kept, refused = self.rows(source, samples)
            rows += kept
            rejects += refused
        return Finished(rows, rejects, tokens)

    @abstractmethod
    def rows(self, source: Any, samples: Sequence[Sampled]) -> tuple[list[Any], list[Reject]]:
        """The rows of ``record`` that one source's samples become."""


@dataclass(frozen=True)
class Finished:
    """A shard's output.

    Attributes:
        rows: Of the job's ``record``.
        rejects: What could not be used.
        tokens: That were sampled.
    """

    rows: list[Any]
    rejects: list[Reject]
    tokens: int


@dataclass(frozen=True)
class Asked:
    """A job for a model. Plain data: it is sent to every actor.

    Attributes:
        job: The job.
        model: The model to sample from, as :func:`sfray.models.folder.resolve` takes it on any node.
        shards: How many there are in all.
        title: What people are told is at work.
    """

    job: ShardJob
    model: str
    shards: int
    title: str

    @property
    def wanted(self) -> tuple[str, ModelConfig, EngineConfig]:
        """What its engine is made of: jobs that agree in it share one."""
        return self.model, self.job.config.model, self.job.config.engine
