"""The ``reflect`` stage: a model judges attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from sfray import prompts
from sfray.artifacts import Attempts, Model, Questions, Reflections
from sfray.config.marks import speed_only
from sfray.config.settings import Demand, LazyReflectionSettings, ReflectionSettings
from sfray.progress import console
from sfray.stages.stage import Reader, Stage, identity

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact

_SAME = ("model", "questions", "attempts")
"""Inputs that a step which reads the reflections must share for its demand to be known."""


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    model: Model
    questions: Questions
    attempts: Attempts


class Reflect(Stage[ReflectionSettings, Inputs]):
    """Samples reflections on attempts (paper section 3).

    With ``reflect.mode=lazy`` its settings say what the steps of the method that read the reflections need of
    them, and that is part of the fingerprint: with other traces it makes another artifact.
    """

    settings = ReflectionSettings
    inputs = Inputs
    output = Reflections
    group = "reflect"
    cluster = "joined"
    runs_model = True

    def serving(
        self, settings: ReflectionSettings, inputs: Mapping[str, Any], readers: Sequence[Reader]
    ) -> ReflectionSettings:
        """The settings with the demands of the steps that read the reflections, in lazy mode."""
        if settings.reflect.mode != "lazy":
            return settings
        given = {field.name: getattr(settings, field.name) for field in fields(ReflectionSettings)}
        demands: dict[str, Demand] = {}
        because = "" if readers else "no step of the method reads them"
        for reader in readers:
            demand = reader.demand
            if demand is None or any(reader.inputs.get(i) != inputs.get(i) for i in _SAME):
                because = because or f"step {reader.name!r} does not say which it needs"
                continue
            for one in demand:
                # Which of the finished traces are kept changes no demand.
                one = replace(one, trace=replace(one.trace, max_per_question=None, subsample_size=None))
                demands.setdefault(repr(_plain(one)), one)
        known = () if because else tuple(demands[key] for key in sorted(demands))
        return LazyReflectionSettings(**given, demands=known, because=because)

    def identity(self, settings: ReflectionSettings, part: str = "") -> dict[str, Any]:  # noqa: ARG002
        """The settings, and the demands if there are any; the mode itself decides nothing."""
        values = identity(settings)
        values["reflect"] = {k: v for k, v in values["reflect"].items() if k != "mode"}
        demands = values.pop("demands", ())
        return values | ({"demands": [_plain(one) for one in demands]} if demands else {})

    def run(self, settings: ReflectionSettings, inputs: Inputs, output: Artifact) -> None:
        """Samples the shards that are missing."""
        from sfray.sampling.lazily import LazyReflectionJob
        from sfray.sampling.reflections import ReflectionJob, sample

        given = (inputs.questions, inputs.attempts)
        if not isinstance(settings, LazyReflectionSettings):
            sample(ReflectionJob(output, settings, *given), inputs.model.source)
            return
        if settings.because:
            console.print(
                f"reflect.mode=lazy, but every usable attempt is reflected on: {settings.because}", markup=False
            )
            sample(ReflectionJob(output, settings, *given), inputs.model.source)
        else:
            sample(LazyReflectionJob(output, settings, *given), inputs.model.source)


def _plain(demand: Demand) -> dict[str, Any]:
    """A demand in plain containers: prompts by what they say, nothing that changes only speed."""
    ignored = speed_only(demand.trace) | (set() if demand.limited else {"max_tokens"})
    return {
        "trace": {k: v for k, v in asdict(demand.trace).items() if k not in ignored},
        "prompts": prompts.load(demand.prompts).digest if demand.limited else "",
        "limited": demand.limited,
        "probe": demand.probe,
    }
