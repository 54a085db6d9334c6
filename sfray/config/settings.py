"""What of the config each kind of work is given: what is not here it cannot read.

Field names are those of :class:`sfray.config.Config`. All of it enters the fingerprint of the
artifact, except what is marked ``SPEED_ONLY``, here or on the field of the group itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from sfray.config.data import QualityConfig, ReflectConfig, SampleConfig, SelectConfig, TraceConfig
from sfray.config.evaluation import EvaluateConfig, ResultsConfig
from sfray.config.marks import SPEED_ONLY
from sfray.config.run import ClusterConfig, EngineConfig, ModelConfig, RunConfig, TaskConfig
from sfray.config.segments import SegmentsConfig
from sfray.config.teacher import TeacherConfig
from sfray.config.training import GrpoConfig, SftConfig

Engine = Annotated[EngineConfig, SPEED_ONLY]
Cluster = Annotated[ClusterConfig, SPEED_ONLY]


@dataclass(frozen=True)
class QuestionSettings:
    """For making questions."""

    run: RunConfig
    task: TaskConfig


@dataclass(frozen=True)
class PretrainedSettings:
    """For naming a model that exists already."""

    model: ModelConfig


@dataclass(frozen=True)
class SamplingSettings:
    """For whatever asks a model."""

    run: RunConfig
    prompts: str
    model: ModelConfig
    engine: Engine
    cluster: Cluster


@dataclass(frozen=True)
class AttemptSettings(SamplingSettings):
    """For sampling attempts."""

    sample: SampleConfig


@dataclass(frozen=True)
class TeacherSettings:
    """For a teacher's attempts."""

    run: RunConfig
    prompts: str
    teacher: TeacherConfig


@dataclass(frozen=True)
class ReflectionSettings(SamplingSettings):
    """For sampling reflections."""

    reflect: ReflectConfig


@dataclass(frozen=True)
class Demand:
    """What a step needs of the reflections that it reads: those that some traces can use, and a sample of all.

    Attributes:
        trace: How the traces are made; of it counts what decides which pairs they use.
        prompts: Their words, which their length depends on.
        limited: Whether they are held to ``trace.max_tokens``.
        probe: Share of the attempts on which a reflection is needed in any case.
    """

    trace: TraceConfig
    prompts: str
    limited: bool = True
    probe: float = 0.0


@dataclass(frozen=True)
class LazyReflectionSettings(ReflectionSettings):
    """For sampling the reflections that the steps that read them need; the graph adds what that is.

    Attributes:
        demands: What each of them needs; empty where one needs everything.
        because: Why everything is needed then.
    """

    demands: tuple[Demand, ...] = ()
    because: Annotated[str, SPEED_ONLY] = ""


@dataclass(frozen=True)
class SegmentSettings(SamplingSettings):
    """For sampling segments of a skill."""

    segments: SegmentsConfig


@dataclass(frozen=True)
class EvaluationSettings(SamplingSettings):
    """For sampling answers to evaluation questions."""

    evaluate: EvaluateConfig


@dataclass(frozen=True)
class QualitySettings:
    """For measuring attempts and reflections."""

    run: RunConfig
    quality: QualityConfig
    trace: TraceConfig
    sft: SftConfig
    results: ResultsConfig


@dataclass(frozen=True)
class TraceSettings(SamplingSettings):
    """For building traces."""

    trace: TraceConfig


@dataclass(frozen=True)
class SelectSettings(SamplingSettings):
    """For selecting correct attempts to train on."""

    select: SelectConfig


@dataclass(frozen=True)
class SftSettings:
    """For fine-tuning."""

    run: RunConfig
    model: ModelConfig
    engine: Engine
    cluster: Cluster
    sft: SftConfig


@dataclass(frozen=True)
class GrpoSettings:
    """For GRPO."""

    run: RunConfig
    prompts: str
    model: ModelConfig
    engine: Engine
    cluster: Cluster
    grpo: GrpoConfig


@dataclass(frozen=True)
class ResultSettings:
    """For summing up evaluations."""

    run: RunConfig
    results: ResultsConfig
