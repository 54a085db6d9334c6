"""The stages: one thin file each, which gives artifacts and settings to the code that does the work.

A file here imports what it works with inside ``run``, so that a method is checked without any engine.
"""

from __future__ import annotations

from typing import Any

from sfray import plugins
from sfray.names import closest
from sfray.stages.stage import Stage, fault

STAGES = {
    "pretrained": "sfray.stages.pretrained:Pretrained",
    "questions": "sfray.stages.questions:MakeQuestions",
    "sample": "sfray.stages.sample:Sample",
    "teacher": "sfray.stages.teacher:Teach",
    "reflect": "sfray.stages.reflect:Reflect",
    "segments": "sfray.stages.segments:SampleSegments",
    "quality": "sfray.stages.quality:MeasureQuality",
    "traces": "sfray.stages.traces:BuildTraces",
    "select": "sfray.stages.select:SelectCorrect",
    "sft": "sfray.stages.sft:FineTune",
    "grpo": "sfray.stages.grpo:Grpo",
    "evaluate": "sfray.stages.evaluate:Evaluate",
    "results": "sfray.stages.results:SumUp",
}
"""Name -> where its class is."""


def load(key: str, name: str) -> Stage[Any, Any]:
    """The stage of a name.

    Args:
        key: The config key that holds the name, for errors.
        name: One of :data:`STAGES`, or ``package.module:Class`` for one from outside.

    Raises:
        ValueError: There is no such stage, or its class is not what a stage must be.
    """
    if name not in STAGES and ":" not in name:
        there = f"there are {', '.join(STAGES)}, or package.module:Class"
        raise ValueError(f"{key}: no stage {name!r}{closest(name, STAGES)}; {there}")
    found: type[Stage[Any, Any]] = plugins.subclass(key, STAGES.get(name, name), Stage)  # type: ignore[type-abstract]
    if problem := fault(found):
        raise ValueError(f"{key}: {name}: {problem}")
    return found()
