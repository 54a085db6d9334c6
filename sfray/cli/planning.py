"""The plans of a command line: of one run or of each job of a sweep; and of a finished run, as if it were new."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import yaml

from sfray.compose import composed
from sfray.compose.overrides import parsed
from sfray.config import Config
from sfray.config.validation import ConfigError, parse
from sfray.costs.plan import Plan, chosen_entry, plan
from sfray.deploy.deadline import Forecast
from sfray.preflight import preflight
from sfray.store.folder import RunFolder
from sfray.store.manifest import Manifest


def jobs(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a sweep; of one job where none has several values."""
    choices = []
    for text in overrides:
        override = parsed(text)
        several = override.is_sweep_override()
        key = override.get_key_element()
        choices.append([f"{key}={value}" for value in override.sweep_string_iterator()] if several else [text])
    return [list(job) for job in itertools.product(*choices)]


def sweep(overrides: Sequence[str], conf: Path, gpu: str) -> list[Plan]:
    """The plan of each job, in order: what an earlier one makes, a later one shares.

    Args:
        overrides: As on the command line of a run or sweep.
        conf: The config tree.
        gpu: The GPU of the cluster.

    Raises:
        ConfigError: A config cannot work, or its costs cannot be told.
    """
    from sfray.cli.launch import name_in_sweep
    from sfray.pipeline import Run

    made: set[Path] = set()
    plans = []
    todo = jobs(overrides)
    for job in todo:
        raw = composed(job, conf)
        if len(todo) > 1:
            raw["run"]["name"] = name_in_sweep(raw["run"]["name"], job, overrides)
        config = parse(raw)
        preflight(config)
        this = Run.plan(config)
        paths = {name: artifact.path for name, artifact in this.artifacts.items()}
        done = {name: artifact.manifest for name, artifact in this.artifacts.items() if artifact.done}
        shared = [name for name, path in paths.items() if path in made]
        plans.append(plan(config, this.method, this.steps, chosen_entry(config, gpu), done, shared))
        made |= {paths[name] for name in this.steps}
    return plans


def forecast(config: Config, gpu: str) -> Forecast | None:
    """What the plan of a config says of its time; None where its throughputs cannot be told.

    Args:
        config: A checked config.
        gpu: The GPU of the cluster.
    """
    from sfray.pipeline import Run

    this = Run.plan(config)
    done = {name: artifact.manifest for name, artifact in this.artifacts.items() if artifact.done}
    try:
        entry = chosen_entry(config, gpu)
    except ConfigError:
        return None
    made = plan(config, this.method, this.steps, entry, done)
    return Forecast(made.seconds, made.most, entry.name, made.unknown)


def replayed(run: Path, gpu: str) -> list[tuple[str, float, float]]:
    """Each finished step of a run: its seconds as they would be planned now, and as they were.

    Args:
        run: The run's folder.
        gpu: The GPU that it ran on, if any.

    Raises:
        ValueError: The run left no config.
    """
    from sfray.graph import build

    folder = RunFolder(run)
    if not folder.config.exists():
        raise ValueError(f"{run}: no {folder.config.name} of a run is here")
    config: Config = parse(yaml.safe_load(folder.config.read_text(encoding="utf-8")))
    finished: dict[str, Manifest] = {name: manifest for name, (_, manifest) in folder.finished().items()}
    steps = build(config)
    made = plan(config, steps, [name for name in steps if name in finished], chosen_entry(config, gpu), {})
    return [(step.name, cost.seconds, finished[step.name].seconds) for step, cost in made.made]
