"""The stages in order, what each reads and what its output depends on: the table of contents."""

from __future__ import annotations

import dataclasses
import importlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sfray import cluster, prompts
from sfray.compose import load
from sfray.config import STAGES, Config
from sfray.config.marks import speed_only
from sfray.doctor import missing_for
from sfray.files import replacing
from sfray.interchange.imported import imported_stage
from sfray.locks import hold
from sfray.preflight import local, model_problems, preflight
from sfray.progress import console
from sfray.store import CONFIG_FILE, Manifest, Stage, fingerprint
from sfray.userfiles import content_digest, located, model_digest
from sfray.validation import ConfigError, lookup, parse

Run = Callable[[Config, Stage, Mapping[str, Path]], None]


class MissingInput(RuntimeError):
    """A stage needs another one that is not done."""


@dataclass(frozen=True)
class Spec:
    """One stage.

    Attributes:
        runs: ``module:function`` to call, in order; the last one commits the stage.
        inputs: Stages whose output it reads.
        split: The split of the questions it reads, or None for all.
        keys: What of the config its output depends on. Machines and actor counts are
            left out on purpose: they change how fast it comes, not what comes.
        ray: Whether it works on the cluster.
        alone: Whether it brings or joins a cluster itself: ours would only take its memory.
    """

    runs: tuple[str, ...]
    inputs: tuple[str, ...]
    keys: tuple[str, ...]
    split: str | None = None
    ray: bool = False
    alone: bool = False


_QUESTIONS = ("task.name", "task.options", "run.seed", "run.shard_questions")

SPECS: dict[str, Spec] = {
    "questions": Spec(
        ("sfray.tasks.questions:run",),
        (),
        (*_QUESTIONS, "task.sft", "task.rl", "task.eval"),
    ),
    "attempts": Spec(
        ("sfray.sampling.attempts:run",),
        ("questions",),
        ("model", "sample", "prompts", "run.seed"),
        split="sft",
        ray=True,
    ),
    "reflections": Spec(
        ("sfray.sampling.reflections:run",),
        ("questions", "attempts"),
        ("model", "reflect", "prompts", "run.seed"),
        split="sft",
        ray=True,
    ),
    "quality": Spec(
        ("sfray.evaluation.quality:run",),
        ("questions", "attempts", "reflections"),
        (
            "quality",
            "trace",
            "sft.batch",
            "sft.epochs",
            "sft.max_steps",
            "evaluate.confidence",
            "model.path",
            "run.seed",
        ),
        split="sft",
    ),
    "traces": Spec(
        ("sfray.traces.builder:run",),
        ("questions", "attempts", "reflections"),
        ("trace", "model.path", "prompts", "run.seed"),
        split="sft",
        ray=True,
    ),
    "sft": Spec(
        ("sfray.training.sft.stage:run",),
        ("traces",),
        ("model", "sft", "run.seed"),
        ray=True,
    ),
    "grpo": Spec(
        ("sfray.training.grpo.stage:run",),
        ("questions",),
        ("model", "grpo", "prompts", "run.seed"),
        split="rl",
        alone=True,
    ),
    "evaluate": Spec(
        ("sfray.sampling.completions:sample", "sfray.evaluation.results:run"),
        ("questions",),
        ("model", "evaluate", "prompts", "run.seed"),
        split="eval",
        ray=True,
    ),
    "report": Spec(
        ("sfray.evaluation.report:run",),
        (),
        ("report", "grpo.init", "task.sft.levels"),
    ),
}


def inputs_of(name: str, config: Config) -> tuple[str, ...]:
    """The stages that this one reads under this config."""
    inputs = SPECS[name].inputs
    if name == "grpo" and config.grpo.init == "sft":
        return (*inputs, "sft")
    if name == "evaluate":
        return (*inputs, *(m for m in config.evaluate.models if m != "base"))
    return inputs


def stages(config: Config) -> dict[str, Stage]:
    """Every stage's folder and fingerprint under a config; touches no engine."""
    root = located(config.run.dir).resolve() / config.run.name
    found: dict[str, Stage] = {}
    for name in STAGES:
        inputs = {n: _input_fingerprint(n, SPECS[name], found) for n in inputs_of(name, config)}
        if name == "report":
            inputs = {n: _manifest_fingerprint(s) for n, s in found.items() if s.manifest_path.exists()}
        imported = None if name in config.run.overwrite else imported_stage(root / name, name)
        found[name] = imported or Stage(root / name, name, _depends(name, config), inputs)
    return found


def _input_fingerprint(name: str, reader: Spec, found: Mapping[str, Stage]) -> str:
    if name != "questions" or reader.split is None:
        return found[name].fingerprint
    questions = found[name]
    # Only the split that is read counts: a longer evaluation must not cost new attempts.
    wanted = (*_QUESTIONS, f"task.{reader.split}")
    return fingerprint({k: v for k, v in questions.config.items() if k in wanted or k not in SPECS[name].keys})


def _manifest_fingerprint(stage: Stage) -> str:
    return fingerprint(stage.manifest_path.read_text(encoding="utf-8"))


def _depends(name: str, config: Config) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key in SPECS[name].keys:
        group = lookup(config, key)
        value = _plain(group)
        if value is not group:
            value = {k: v for k, v in value.items() if k not in speed_only(group)}
        values[key] = prompts.load(value).digest if key == "prompts" else value
    # What lies on this machine counts by what it holds: an edited file is another input.
    if "task.options" in values and (data := _data_digests(config.task.options)):
        values["task.options.content"] = data
    if {"model", "model.path"} & values.keys() and (folder := located(config.model.path)).is_dir():
        values["model.content"] = model_digest(folder)
    return values


def _data_digests(options: Any) -> dict[str, str]:
    """The digest of each local file or folder that task options name as a ``path``, at any depth."""
    found: dict[str, str] = {}
    parts = options.items() if isinstance(options, Mapping) else enumerate(options)
    for key, value in parts:
        names = value.values() if key == "path" and isinstance(value, Mapping) else [value] if key == "path" else []
        there = [str(n) for n in names if isinstance(n, str) and n and located(n).exists()]
        found |= {name: content_digest(located(name)) for name in there}
        if key != "path" and isinstance(value, Mapping | list | tuple):
            found |= _data_digests(value)
    return found


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def run(config: Config) -> None:
    """Runs the stages of ``config.stages``, skipping those that are done.

    Raises:
        ConfigError: The config cannot work, or not here.
        MissingInput: A stage's input is neither done nor among ``stages``.
        StageConflict: A stage's folder holds another config's output.
    """
    preflight(config)
    if missing := list(missing_for(config)):
        raise ConfigError(missing)
    root = located(config.run.dir).resolve() / config.run.name
    started = time.monotonic()
    if problem := cluster.on_local_disk(str(located(config.run.dir))):
        console.print(f"warning: {problem}", style="bold yellow", markup=False)
    with hold(root):
        _require_inputs(config)
        _require_model(config)
        try:
            for name in sorted(config.stages, key=STAGES.index):
                _run_stage(name, config)
        finally:
            cluster.disconnect()
    console.print(f"[bold green]run {config.run.name} done[/] in {_clock(time.monotonic() - started)}: {root}")


def report(root: Path) -> None:
    """Writes the report of a run again, under the config that its latest stage ran with.

    Raises:
        ConfigError: That config is not one of this version.
    """
    file = root / CONFIG_FILE
    # An import leaves no config, and needs none but the report's own.
    last = parse(yaml.safe_load(file.read_text(encoding="utf-8"))) if file.exists() else load()
    here = dataclasses.replace(last.run, dir=str(root.parent), name=root.name, overwrite=[])
    config = dataclasses.replace(last, run=here, stages=["report"])
    preflight(config)
    with hold(root):  # anew also where only this program has changed
        stages(config)["report"].manifest_path.unlink(missing_ok=True)
    run(config)


def _remember(config: Config, file: Path) -> None:
    with replacing(file) as temporary:
        temporary.write_text(yaml.safe_dump(dataclasses.asdict(config), sort_keys=False), encoding="utf-8")


def _require_inputs(config: Config) -> None:
    """Every stage's inputs are done or on the list: found out before the first of them costs hours."""
    there = stages(config)
    for name in sorted(config.stages, key=STAGES.index):
        for needed in inputs_of(name, config):
            if needed not in config.stages and not there[needed].manifest_path.exists():
                raise MissingInput(f"stage {name!r} needs {needed!r}, which is not done; add it to stages=[...]")


def _require_model(config: Config) -> None:
    """Tries a model of the hub, which a config's check does not download, before the first stage that is left."""
    if config.model.path == "tiny" or local(config.model.path):
        return
    there = stages(config)
    if problems := model_problems(config, [name for name in config.stages if not there[name].done]):
        raise ConfigError(problems)


def _run_stage(name: str, config: Config) -> None:
    # Fingerprints are computed for each stage: the report's depends on the manifests written just now.
    everything = stages(config)
    stage, spec = everything[name], SPECS[name]
    for needed in inputs_of(name, config):
        if not _serves(everything[needed], spec):
            everything[needed].open()  # raises the difference between what is there and what is asked for
        if not stage.done:
            everything[needed].require_whole()
    if stage.done:
        console.print(f"[dim]{name}: done already[/]")
        return
    stage.open(overwrite=name == "report" or name in config.run.overwrite)
    if name != "report":  # which shows the config, and must not replace it
        _remember(config, stage.path.parent / CONFIG_FILE)
    if spec.ray:
        cluster.connect(config.cluster)
        if (problem := cluster.on_local_disk(str(located(config.run.dir)))) and cluster.nodes() > 1:
            raise ConfigError([problem])
    elif spec.alone:
        cluster.disconnect()
        if config.engine.device == "cuda":  # on CPU verl starts a Ray of its own
            cluster.require_answer(config.cluster)
    console.print(f"[bold]{name}[/]")
    inputs = {n: everything[n].path for n in stage.inputs}
    for target in spec.runs:
        module, _, function = target.partition(":")
        getattr(importlib.import_module(module), function)(config, stage, inputs)
    console.print(summary(stage.manifest))


def _serves(stage: Stage, reader: Spec) -> bool:
    """Whether what lies in an input's folder is what the reader asks for."""
    if stage.name != "questions" or reader.split is None:
        return stage.done
    there, wanted = stage.manifest.config, dict(stage.config)
    others = {f"task.{split}" for split in ("sft", "rl", "eval")} - {f"task.{reader.split}"}
    return all(there.get(k) == v for k, v in json.loads(json.dumps(wanted)).items() if k not in others)


def summary(manifest: Manifest) -> str:
    """One line on a finished stage."""
    counts = ", ".join(f"{v:,} {k}" for k, v in manifest.counts.items())
    rejects = sum(manifest.rejects.values())
    refused = f"; {rejects:,} rejects" if rejects else ""
    return f"[green]{manifest.stage}[/] in {_clock(manifest.seconds)}: {counts}{refused}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"
