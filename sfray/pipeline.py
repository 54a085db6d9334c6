"""Runs a method: each step's artifact is reused, resumed or made. Nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from sfray import cluster
from sfray.config import Config
from sfray.config.validation import ConfigError
from sfray.costs.plan import chosen_entry, plan
from sfray.deploy.fit import shortfall
from sfray.deploy.needs import need_of
from sfray.doctor import missing_for
from sfray.graph import Ref, Step, build, chosen, together
from sfray.io.files import replacing
from sfray.io.userfiles import located
from sfray.preflight import local, model_problems, preflight
from sfray.progress import clock, console
from sfray.stages.stage import JointStage, Work, declared_inputs
from sfray.store import failure
from sfray.store.account import Account, Driver
from sfray.store.artifact import Artifact
from sfray.store.folder import RunFolder
from sfray.store.locks import RunLocked, hold
from sfray.store.manifest import Manifest
from sfray.store.sessions import Span
from sfray.store.status import State, Status, show, status
from sfray.store.workers import spoken
from sfray.watch.deaths import deaths

_PATIENCE_SECONDS = 5.0
"""How often a step that another driver is at is looked at."""


@dataclass(frozen=True)
class Run:
    """A method under one config, in its folder.

    Attributes:
        config: The config.
        folder: Where the run's links are.
        steps: The steps to make, each after those that it reads.
        artifacts: Step of the method -> its artifact.
        method: All steps of the method.
    """

    config: Config
    folder: RunFolder
    steps: Mapping[str, Step]
    artifacts: Mapping[str, Artifact]
    method: Mapping[str, Step]

    @classmethod
    def plan(cls, config: Config) -> Run:
        """Works out what is to be made; touches no engine.

        Raises:
            ConfigError: The method or a setting of it cannot work.
        """
        folder = run_folder(config)
        imported = folder.imported()
        steps = build(config, {name: manifest.fingerprint for name, manifest in imported.items()})
        artifacts = {name: Artifact(folder.path / name, m.stage, m.config, m.inputs) for name, m in imported.items()}
        for name, step in steps.items():
            if name not in imported:
                named = Artifact(Path(), step.kind, step.identity, step.given)
                place = folder.place(step.kind, named.fingerprint)
                artifacts[name] = dataclasses.replace(named, path=place, run=config.run.name, step=name)
        return cls(config, folder, {name: steps[name] for name in chosen(steps, config.steps)}, artifacts, steps)


def run_folder(config: Config) -> RunFolder:
    """Where a run is."""
    return RunFolder(located(config.run.dir).resolve() / config.run.name)


def run(config: Config) -> None:
    """Makes the steps of ``config.steps`` and all that they need, or the whole method.

    Raises:
        ConfigError: The config cannot work, or not here.
    """
    folder = run_folder(config)
    with failure.before_work(folder.path):
        made = preflight(config, folder.imported())
        if missing := list(missing_for(config, made.values())):
            raise ConfigError(missing)
    started = time.monotonic()
    driver = Driver(psutil.Process().create_time(), time.time())
    if problem := cluster.on_local_disk(str(located(config.run.dir))):
        console.print(f"warning: {problem}", style="bold yellow", markup=False)
    with hold(folder.path):
        with failure.before_work(folder.path):
            this = Run.plan(config)
            found = {name: status(this.artifacts[name], folder.artifacts) for name in this.steps}
            _require_model(this, found)
            _remember(config, folder.config)
            folder.unlink_others({name: artifact.path for name, artifact in this.artifacts.items()})
            show(found, {name: step.kind for name, step in this.steps.items()})
            _account(this, driver)
        try:
            done = [name for name in this.steps if this.artifacts[name].done]
            left = [step for name, step in this.steps.items() if name not in done]
            for names in [*([name] for name in done), *([step.name for step in group] for group in together(left))]:
                _make(names, this)
        finally:
            cluster.disconnect()
    console.print(f"[bold green]run {config.run.name} done[/] in {clock(time.monotonic() - started)}: {folder.path}")


def _remember(config: Config, file: Path) -> None:
    with replacing(file) as temporary:
        temporary.write_text(yaml.safe_dump(dataclasses.asdict(config), sort_keys=False), encoding="utf-8")


def _account(this: Run, driver: Driver) -> None:
    """Writes what the steps that are left are expected to cost, and that a driver is at them.

    Of a step that is there already the account keeps what was expected when it was made.
    """
    before = Account.read(this.folder.path)
    planned = {name: values for name, values in before.planned.items() if name in this.steps}
    throughput, measured = before.throughput, before.measured
    done = {name: artifact.manifest for name, artifact in this.artifacts.items() if artifact.done}
    with contextlib.suppress(ConfigError):  # the size of a hub's model may not be known, and no run needs it
        entry = chosen_entry(this.config)
        throughput, measured = entry.name, bool(entry.measured)
        for step, cost in plan(this.config, this.method, this.steps, entry, done).made:
            work = {"seconds": round(cost.seconds, 1), "rows": round(step.volume.rows)}
            planned[step.name] = work | {"tokens": round(step.volume.tokens)}
    Account(planned, throughput, measured, (*before.drivers, driver)).write(this.folder.path)


def _require_model(this: Run, found: Mapping[str, Status]) -> None:
    """Tries a model of the hub, which a config's check does not download, before the first step that is left."""
    if this.config.model.path == "tiny" or local(this.config.model.path):
        return
    left = [step for name, step in this.steps.items() if found[name].state is not State.REUSED]
    if problems := model_problems(this.config, left):
        raise ConfigError(problems)


def _make(names: Sequence[str], this: Run) -> None:
    """Reuses, resumes or makes the artifacts of steps, and links to them.

    Steps that another run is at are left for later: nothing is held while something is waited for.
    """
    waiting = [name for name in names if this.artifacts[name].path.parent != this.folder.path]
    for name in names:
        if name not in waiting:
            console.print(f"[dim]{name}: imported[/]")
    while waiting:
        with contextlib.ExitStack() as stack:
            held = _hold(waiting, this, stack)
            opened = [name for name in held if _opened(name, this)]
            if opened:
                _run_stage(opened, this)
            for name in held:
                this.folder.link(name, this.artifacts[name].path)
        waiting = [name for name in waiting if name not in held]


def _hold(names: Sequence[str], this: Run, stack: contextlib.ExitStack) -> list[str]:
    """Holds the artifacts of those steps that no other run is at; waits until there is one."""
    told = False
    while True:
        held = []
        for name in names:
            try:
                stack.enter_context(hold(this.artifacts[name].path))
                held.append(name)
            except RunLocked as error:
                refusal = f"{name}: waiting; {error}"
        if held:
            return held
        if not told:
            console.print(refusal, markup=False)
        told = True
        time.sleep(_PATIENCE_SECONDS)


def _opened(name: str, this: Run) -> bool:
    """Opens the artifact of a step; whether there is something left to make of it."""
    artifact = this.artifacts[name]
    if not artifact.done:
        with failure.before_work(this.folder.path, name):
            for needed in this.steps[name].needs:
                this.artifacts[needed].require_whole()
            artifact.open()
    if artifact.done:
        console.print(f"[dim]{name}: done already[/]")
        return False
    this.folder.link(name, artifact.path)
    return True


def _run_stage(names: Sequence[str], this: Run) -> None:
    """Does the work of steps of one stage, in one go if they are several.

    What it fails with is kept for ``sfray why``, with every step that had begun.
    """
    steps, artifacts = [this.steps[name] for name in names], [this.artifacts[name] for name in names]
    began = time.time()
    with failure.before_work(this.folder.path, steps[0].name):
        _on_cluster(steps[0], this.config)
    if steps[0].stage.cluster != "none":
        artifacts[0].spent(Span(name="ray", began=began, ended=time.time()))
    console.print(f"[bold]{', '.join(names)}[/]")
    with contextlib.ExitStack() as stack:
        for step, artifact in zip(steps, artifacts, strict=True):
            later = step is not steps[0]
            stack.enter_context(failure.Recorder(artifact, step.name, cluster.logs, deaths, together=later))
        for name in _committed(steps, this):
            console.print(summary(name, this.artifacts[name].manifest))


def _committed(steps: Sequence[Step], this: Run) -> Iterator[str]:
    """Makes the artifacts of steps of one stage; yields the name of each as it is committed."""
    stage = steps[0].stage
    works = [Work(step.settings, _inputs(step, this.artifacts), this.artifacts[step.name]) for step in steps]
    if isinstance(stage, JointStage):
        for place in stage.run_all(works):
            yield steps[place].name
    else:
        (work,) = works
        stage.run(work.settings, work.inputs, work.output)
        yield steps[0].name


def _on_cluster(step: Step, config: Config) -> None:
    """Joins or leaves the Ray cluster, as the stage needs it."""
    if step.stage.cluster == "joined":
        _join(step, config)
    elif step.stage.cluster == "own":
        if config.grpo.joins_cluster(config.engine.device) and cluster.chosen_address(config.cluster) != "local":
            cluster.require_answer(config.cluster)
            _join(step, config)  # what verl would find out later, and say in other words; the stage leaves it
        else:
            cluster.disconnect()


def _join(step: Step, config: Config) -> None:
    """Joins the cluster, whose nodes must share the run's storage and have room for the step."""
    cluster.connect(config.cluster)
    if (problem := cluster.on_local_disk(str(located(config.run.dir)))) and len(cluster.nodes()) > 1:
        raise ConfigError([problem])
    cluster.require_shared(located(config.run.dir).resolve())
    if need := need_of(step):
        cluster.require_room(config.cluster, lambda nodes: shortfall(need, nodes))


def _inputs(step: Step, artifacts: Mapping[str, Artifact]) -> Any:
    """The artifacts that a step reads, as its stage declares them."""
    values: dict[str, Any] = {}
    for declared in declared_inputs(type(step.stage)):
        named = step.inputs.get(declared.name)
        if isinstance(named, Ref):
            values[declared.name] = declared.kind(artifacts[named.step].path, named.part)
        elif named is not None:
            values[declared.name] = {
                label: declared.kind(artifacts[ref.step].path, ref.part) for label, ref in named.items()
            }
    return step.stage.inputs(**values)


def summary(name: str, manifest: Manifest) -> str:
    """One line on a finished step."""
    counts = ", ".join(f"{v:,} {k}" for k, v in manifest.counts.items()) or "done"
    rejects = sum(manifest.rejects.values())
    refused = f"; {rejects:,} rejects" if rejects else ""
    incidents = f"; {spoken(manifest.incidents)}" if manifest.incidents else ""
    used = f"; {manifest.engines}" if manifest.engines else ""
    return f"[green]{name}[/] in {clock(manifest.seconds)}: {counts}{refused}{incidents}{used}"
