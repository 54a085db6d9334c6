"""What a valid config can still get wrong, found before any engine starts.

Apart from the pipeline, so that `sfray check` answers without importing what only a run needs.
"""

from __future__ import annotations

from sfray.config import Config
from sfray.evaluation.published import published
from sfray.names import suggestion
from sfray.tasks.registry import FAMILIES
from sfray.tasks.registry import problems as task_problems
from sfray.traces.recipes import require
from sfray.validation import ConfigError


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
    if problems:
        raise ConfigError(problems)
