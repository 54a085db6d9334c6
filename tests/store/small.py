"""A small run of every kind of step that needs no engine, and a seam that counts its durable operations."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest

from sfray import models, pipeline
from sfray.artifacts import Model, Traces
from sfray.compose import load
from sfray.config import Config
from sfray.graph import Ref, Step
from sfray.io import files, operations
from sfray.io.files import replacing
from sfray.sampling import teacher
from sfray.sampling.endpoint import Answer
from sfray.stages.stage import Stage
from sfray.stages.traces import BuildTraces
from sfray.store import artifact, locks
from sfray.store.artifact import Artifact
from sfray.store.folder import RunFolder
from sfray.store.locks import hold
from sfray.traces import builder, selection
from sfray.training.grpo import export, metrics
from tests.traces.rows import write_run, write_tokenizer

OWN_TO_A_SESSION = ("seconds", "sessions", "finished", "incidents", "timings", "engine_use")
"""What a manifest says of how it was made, not of what was made."""

SETTINGS = [
    "method=distillation",
    "steps=[correct]",
    "task.sft.count=4",
    "task.rl.count=16",
    "task.eval.count=2",
    "run.shard_questions=2",
    "run.name=r",
    "teacher.url=http://nowhere",
    "teacher.model=m",
    "teacher.concurrency=1",
]


class Endpoint:
    """A teacher that knows one answer."""

    asked = 0

    def __init__(self, config: object) -> None: ...

    async def ask(self, key: str, messages: object, seed: int) -> Answer:
        type(self).asked += 1
        return Answer(key, text=f"{key}: <answer>1</answer>", tokens=3, finish="stop")

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Nothing:
    """No settings."""


@dataclass(frozen=True)
class Inputs:
    """What the trainer reads."""

    traces: Traces


class Trainer(Stage[Nothing, Inputs]):
    """A trainer in small: checkpoints, the record of the steps, the rotation of checkpoints, a model at the end."""

    settings, inputs, output = Nothing, Inputs, Model
    steps = 2

    def run(self, settings: Nothing, inputs: Inputs, output: Artifact) -> None:
        """Goes on from the last checkpoint."""
        points = output.path / "checkpoints"
        for step in range(export.last_step(points) + 1, self.steps + 1):
            with replacing(points / f"global_step_{step}") as temporary:
                temporary.mkdir()
                (temporary / "weights").write_text(str(step))
            metrics.write(output.path, [{"step": s} for s in range(1, step + 1)])
            with replacing(points / export.TRACKER) as temporary:
                temporary.write_text(str(step))
            export.prune(points, 1)
        export.prune(points, 1)
        for _ in range(2):  # in the place of nothing, and of an earlier model
            with replacing(output.path / "model") as temporary:
                temporary.mkdir()
                (temporary / "weights").write_text((points / f"global_step_{self.steps}" / "weights").read_text())
        output.commit({"steps": self.steps})


@dataclass
class Small:
    """The run, planned once and made in any folder.

    Attributes:
        inputs: Folder of what is there before the run: a model's tokenizer, attempts and reflections.
    """

    inputs: Path

    def __post_init__(self) -> None:
        write_tokenizer(self.inputs / "model")
        write_run(self.inputs, 4, 2)

    @cached_property
    def config(self) -> Config:
        """The config of the steps that the method has."""
        return load([*SETTINGS, f"run.dir={self.inputs / 'runs'}", f"model.path={self.inputs / 'model'}"])

    @cached_property
    def _planned(self) -> pipeline.Run:
        planned = pipeline.Run.plan(self.config)
        given = {name: Artifact(self.inputs / name, name, {}, {}) for name in ("questions", "attempts", "reflections")}
        read = {"model": Ref("base"), "questions": Ref("given_questions", "sft")}
        read |= {name: Ref(f"given_{name}") for name in ("attempts", "reflections")}
        more = [
            Step("traces", "traces", BuildTraces(), Config(), read, {}, {}),
            Step("trained", "trainer", Trainer(), Nothing(), {"traces": Ref("correct")}, {}, {}),
        ]
        made = {step.name: Artifact(Path(), step.kind, step.identity, step.given) for step in more}
        artifacts = {**planned.artifacts, **made, **{f"given_{name}": a for name, a in given.items()}}
        return dataclasses.replace(
            planned, steps={**planned.steps, **{step.name: step for step in more}}, artifacts=artifacts
        )

    @property
    def steps(self) -> list[str]:
        """The steps in order."""
        return list(self._planned.steps)

    def run(self, root: Path) -> pipeline.Run:
        """The run in a folder of runs."""
        folder = RunFolder(root / "r")
        artifacts = dict(self._planned.artifacts)
        for name, step in self._planned.steps.items():
            path = folder.place(step.kind, artifacts[name].fingerprint)
            artifacts[name] = dataclasses.replace(artifacts[name], path=path, claim=None)
        return dataclasses.replace(self._planned, folder=folder, artifacts=artifacts)

    def make(self, root: Path, *steps: str) -> None:
        """Makes steps as the pipeline does."""
        this = self.run(root)
        with hold(this.folder.path):
            this.folder.unlink_others({name: made.path for name, made in this.artifacts.items()})
            for name in steps or self.steps:
                pipeline._make([name], this)


@contextlib.contextmanager
def _pool(config: Any, output: Artifact, model: str, sources: Any, work: int) -> Iterator[list[Any]]:
    prompts = builder.load(config.prompts)
    yield [builder.TraceBuilder(config, output, model, sources, prompts)] if work else []


def _each(
    builders: list[Any], method: str, calls: list[tuple[Any, ...]], minutes: float, look: Any = None
) -> Iterator[Any]:
    for call in calls:
        yield getattr(builders[0], method)(*call)


def without_engines(patch: pytest.MonkeyPatch) -> None:
    """Has the run make traces in its own process, ask a teacher of its own, and print nothing."""
    patch.setattr(pipeline, "_on_cluster", lambda step, config: None)
    patch.setattr(builder, "_builders", _pool)
    patch.setattr(builder, "_each", _each)
    patch.setattr(teacher, "Endpoint", Endpoint)
    patch.setattr(pipeline.console, "quiet", True)
    # What takes most of the time and changes nothing here: a process that dies takes no page cache with it.
    patch.setattr(artifact, "versions", dict)
    patch.setattr(files.os, "fsync", lambda descriptor: None)
    patch.setattr(models, "load_tokenizer", cache(models.load_tokenizer))
    for module in (builder, selection, teacher):
        patch.setattr(module, "load", cache(module.load))


Do = Callable[[int], None] | None

_operation = operations.operation


class Door:
    """Stands in for the seam: numbers the operations, and does something right before and right after each.

    It is done inside of the seam, where its guard has been asked already, and where errors of the disk are translated.

    Attributes:
        before: Is given the number of the operation, from 0.
        after: The same, when it is done.
        seen: Kind and path of each operation so far.
    """

    def __init__(self, before: Do = None, after: Do = None) -> None:
        self.before, self.after = before, after
        self.seen: list[tuple[str, Path]] = []

    @contextlib.contextmanager
    def operation(self, kind: str, path: Path, guarded: bool = True) -> Iterator[None]:
        """The seam."""
        number = len(self.seen)
        self.seen.append((kind, path))
        with _operation(kind, path, guarded):
            if self.before:
                self.before(number)
            yield
            if self.after:
                self.after(number)

    @contextlib.contextmanager
    def open(self) -> Iterator[Door]:
        """Puts it in the place of the seam."""
        with pytest.MonkeyPatch.context() as patch:
            for module in (files, locks):
                patch.setattr(module, "operation", self.operation)
            yield self


def contents(root: Path) -> dict[str, str]:
    """Path -> what is there, below a folder of runs, without what belongs to a session and not to what was made."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file() and path.name != ".lock" and path.parent.name not in ("epochs", "workers"):
            found[name] = _content(path)
    return found


def _content(path: Path) -> str:
    if path.name not in ("manifest.json", "plan.json"):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    value = json.loads(path.read_text())
    return json.dumps({k: v for k, v in value.items() if k not in OWN_TO_A_SESSION})
