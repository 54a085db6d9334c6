"""What a valid config can still get wrong, found before any engine starts.

Apart from the pipeline, so that `sfray check` answers without importing what only a run needs.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sfray import prompts
from sfray.config import Config
from sfray.evaluation.published import published
from sfray.models import try_model
from sfray.names import suggestion
from sfray.progress import console
from sfray.tasks.registry import FAMILIES
from sfray.tasks.registry import problems as task_problems
from sfray.traces.recipes import require
from sfray.validation import ConfigError

MODEL_STAGES = frozenset({"attempts", "reflections", "sft", "grpo", "evaluate"})
"""Stages that read the weights at ``model.path``; traces need its tokenizer alone."""


def preflight(config: Config) -> None:
    """Checks the names that only a registry can tell.

    Raises:
        ConfigError: With a line for each thing that is wrong.
    """
    problems = list(task_problems(config.task))
    for check in (
        lambda: require(config.trace),
        lambda: published(config.report.published).beside((), config),
    ):
        try:
            check()
        except ValueError as error:
            problems.append(str(error))
    for name in config.evaluate.n_by_task:
        if name not in FAMILIES:
            problems.append(f"evaluate.n_by_task.{name}: no such task{suggestion(name, FAMILIES)}")
    if local(config.model.path):
        problems += model_problems(config, config.stages)
    if problems:
        raise ConfigError(problems)


def local(path: str) -> bool:
    """Whether a model's path is a folder's, other than the embedded model's, and not a name of the hub."""
    return path != "tiny" and (Path(path).is_dir() or path.startswith((".", "/", "~")))


def model_problems(config: Config, stages: Collection[str]) -> list[str]:
    """Tries the model if one of the stages needs it; a line for each thing that is wrong with it.

    Prints what is worked around.
    """
    if not MODEL_STAGES.intersection(stages):
        return []
    solve = prompts.load(config.prompts).solve
    trial = try_model(
        config.model.path,
        config.model.context,
        system="attempts" in stages and any(solve[v][0] for v in config.sample.variants if v in solve),
        trains=not {"sft", "grpo"}.isdisjoint(stages),
        trust_remote_code=config.model.trust_remote_code,
    )
    for note in trial.notes:
        console.print(f"model.path: {note}", style="dim", markup=False)
    return [f"model.path: {fault}" for fault in trial.faults]
