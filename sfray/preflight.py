"""What a valid config can still get wrong, found before any engine starts.

Apart from the pipeline, so that `sfray check` answers without importing what only a run needs.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sfray import prompts
from sfray.config import Config
from sfray.config.validation import ConfigError
from sfray.evaluation.published import published
from sfray.graph import Step, build, chosen, rules
from sfray.models import EMBEDDED, logits_faults, resolve, target_faults, try_model
from sfray.progress import console
from sfray.tasks.registry import family
from sfray.tasks.registry import problems as task_problems
from sfray.traces.recipes import require


def preflight(config: Config, imported: Collection[str] = ()) -> dict[str, Step]:
    """Checks the method, and the names that only a registry can tell.

    Args:
        config: The config.
        imported: Steps that are there already.

    Returns:
        The steps to make, each after those that it reads.

    Raises:
        ConfigError: With a line for each thing that is wrong.
    """
    steps = build(config)
    made = [name for name in chosen(steps, config.steps) if name not in imported]
    problems = [*task_problems(config.task), *rules.problems(steps, made)]
    for check in (
        lambda: require(config.trace),
        lambda: published(config.report.published).beside((), config.report),
    ):
        try:
            check()
        except ValueError as error:
            problems.append(str(error))
    for name in config.evaluate.n_by_task:
        try:
            family(name, f"evaluate.n_by_task.{name}")
        except ValueError as error:
            problems.append(str(error))
    if local(config.model.path):
        problems += model_problems(config, [steps[name] for name in made])
    if not problems:
        problems = sft_problems(config, [steps[name] for name in made])
    if problems:
        raise ConfigError(problems)
    return {name: steps[name] for name in made}


def local(path: str) -> bool:
    """Whether a model's path is a folder's, other than an embedded model's, and not a name of the hub."""
    return path not in EMBEDDED and (Path(path).is_dir() or path.startswith((".", "/", "~")))


def model_problems(config: Config, steps: Collection[Step]) -> list[str]:
    """Tries the model if one of the steps loads it; a line for each thing that is wrong with it.

    Prints what is worked around.
    """
    if not any(step.stage.runs_model for step in steps):
        return []
    solve = prompts.load(config.prompts).solve
    trial = try_model(
        config.model.path,
        config.model.context,
        system=any(solve[v][0] for s in steps if s.kind == "sample" for v in s.settings.sample.variants if v in solve),
        trains=any(step.stage.trains for step in steps),
        trust_remote_code=config.model.trust_remote_code,
    )
    for note in trial.notes:
        console.print(f"model.path: {note}", style="dim", markup=False)
    return [f"model.path: {fault}" for fault in trial.faults]


def sft_problems(config: Config, steps: Collection[Step]) -> list[str]:
    """A line for each thing that fine-tuning asks of the model and does not get; a model of the hub waits.

    A module that ``sft.lora.target_modules`` names and the model lacks, or a loss in pieces that is not the model's.
    """
    path = config.model.path
    if path not in EMBEDDED and not local(path):
        return []
    found: list[str] = []
    for step in steps:
        if step.kind != "sft":
            continue
        if step.settings.sft.lora.rank:
            found += target_faults(resolve(path), step.settings.sft.lora.target_modules)
        if step.settings.sft.logits_gib:
            found += logits_faults(resolve(path))
    return list(dict.fromkeys(found))
