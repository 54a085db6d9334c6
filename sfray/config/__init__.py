"""The typed schema of everything in ``conf/``: one frozen dataclass per group.

The defaults of the method's own groups are the paper's; :mod:`sfray.config.validation` checks values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sfray.config.data import DecodingConfig, QualityConfig, ReflectConfig, SampleConfig, SelectConfig, TraceConfig
from sfray.config.deploy import DeployConfig
from sfray.config.evaluation import EvaluateConfig, ReportConfig, ResultsConfig
from sfray.config.run import ClusterConfig, EngineConfig, ModelConfig, RunConfig, SplitConfig, TaskConfig
from sfray.config.segments import SegmentsConfig
from sfray.config.teacher import TeacherConfig
from sfray.config.training import GrpoConfig, LoraConfig, RolloutConfig, SftConfig

__all__ = [
    "ClusterConfig",
    "Config",
    "DecodingConfig",
    "DeployConfig",
    "EngineConfig",
    "EvaluateConfig",
    "GrpoConfig",
    "LoraConfig",
    "ModelConfig",
    "QualityConfig",
    "ReflectConfig",
    "ReportConfig",
    "ResultsConfig",
    "RolloutConfig",
    "RunConfig",
    "SampleConfig",
    "SegmentsConfig",
    "SelectConfig",
    "SftConfig",
    "SplitConfig",
    "TaskConfig",
    "TeacherConfig",
    "TraceConfig",
]


@dataclass(frozen=True)
class Config:
    """Everything, as composed from ``conf/``.

    Attributes:
        steps: Steps of the method to make, with whatever they need; empty for all.
        method: Step -> its stage, its inputs and its own settings, see :mod:`sfray.graph`.
        prompts: A prompts file.
    """

    steps: list[str] = field(default_factory=list)
    method: dict[str, Any] = field(default_factory=dict)
    prompts: str = "default"
    run: RunConfig = field(default_factory=RunConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    reflect: ReflectConfig = field(default_factory=ReflectConfig)
    segments: SegmentsConfig = field(default_factory=SegmentsConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    select: SelectConfig = field(default_factory=SelectConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    trace: TraceConfig = field(default_factory=TraceConfig)
    sft: SftConfig = field(default_factory=SftConfig)
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    results: ResultsConfig = field(default_factory=ResultsConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    deploy: DeployConfig = field(default_factory=DeployConfig)
