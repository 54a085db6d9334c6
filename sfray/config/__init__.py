"""The typed schema of everything in ``conf/``: one frozen dataclass per group.

The defaults of the method's own groups are the paper's; :mod:`sfray.validation` checks values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sfray.config.data import DecodingConfig, QualityConfig, ReflectConfig, SampleConfig, TraceConfig
from sfray.config.evaluation import EvaluateConfig, ReportConfig
from sfray.config.run import ClusterConfig, EngineConfig, ModelConfig, RunConfig, SplitConfig, TaskConfig
from sfray.config.training import GrpoConfig, RolloutConfig, SftConfig

__all__ = [
    "STAGES",
    "ClusterConfig",
    "Config",
    "DecodingConfig",
    "EngineConfig",
    "EvaluateConfig",
    "GrpoConfig",
    "ModelConfig",
    "QualityConfig",
    "ReflectConfig",
    "ReportConfig",
    "RolloutConfig",
    "RunConfig",
    "SampleConfig",
    "SftConfig",
    "SplitConfig",
    "TaskConfig",
    "TraceConfig",
]

STAGES = ("questions", "attempts", "reflections", "quality", "traces", "sft", "grpo", "evaluate", "report")
"""Every stage, in the order in which data flows."""


@dataclass(frozen=True)
class Config:
    """Everything, as composed from ``conf/``."""

    stages: list[str] = field(default_factory=lambda: list(STAGES))
    prompts: str = "default"
    run: RunConfig = field(default_factory=RunConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    reflect: ReflectConfig = field(default_factory=ReflectConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    trace: TraceConfig = field(default_factory=TraceConfig)
    sft: SftConfig = field(default_factory=SftConfig)
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
