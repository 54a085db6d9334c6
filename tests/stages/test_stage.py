"""What a stage declares, and what of its settings is its identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from sfray.artifacts import Model, Questions, Responses, Traces
from sfray.config import Config, EngineConfig, RunConfig, TraceConfig
from sfray.config.marks import SPEED_ONLY
from sfray.prompts import load
from sfray.stages import load as stage
from sfray.stages.stage import Input, Stage, declared_inputs, fault, identity, own_settings
from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Settings:
    """Some of each kind."""

    run: RunConfig
    prompts: str
    trace: TraceConfig
    engine: Annotated[EngineConfig, SPEED_ONLY]
    keep: int = 2


@dataclass(frozen=True)
class Inputs:
    """Some of each kind."""

    model: Model
    questions: Questions
    models: dict[str, Responses]
    teacher: Model | None = None
    more: dict[str, Traces] = field(default_factory=dict)


class Example(Stage[Settings, Inputs]):
    """A stage for these tests."""

    settings = Settings
    inputs = Inputs
    output = Traces

    def run(self, settings: Settings, inputs: Inputs, output: Artifact) -> None:
        """Does nothing."""


def test_inputs_are_read_off_their_types() -> None:
    assert declared_inputs(Example) == [
        Input("model", Model, labelled=False, required=True),
        Input("questions", Questions, labelled=False, required=True),
        Input("models", Responses, labelled=True, required=True),
        Input("teacher", Model, labelled=False, required=False),
        Input("more", Traces, labelled=True, required=False),
    ]


def test_the_identity_leaves_out_what_changes_only_speed() -> None:
    whole = Config()
    values = identity(Settings(whole.run, "default", whole.trace, whole.engine))
    assert set(values) == {"run", "prompts", "trace", "keep"}
    assert values["run"] == {"seed": 0, "shard_questions": 16}
    assert values["prompts"] == load().digest
    assert "builders" not in values["trace"]
    assert values["trace"]["recipe"] == "algorithm1"
    assert Example().identity(Settings(whole.run, "default", whole.trace, whole.engine)) == values
    assert list(Example().problems(Settings(whole.run, "default", whole.trace, whole.engine))) == []


def test_what_no_key_of_the_config_has_is_the_stages_own() -> None:
    assert list(own_settings(Example)) == ["keep"]


@dataclass(frozen=True)
class Clash:
    """An input with the name of a setting."""

    keep: Traces


@dataclass(frozen=True)
class NoKind:
    """An input that is no artifact."""

    path: str


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"group": "trace"}, None),
        ({"settings": None}, "settings: must be a dataclass"),
        ({"inputs": dict}, "inputs: must be a dataclass"),
        ({"inputs": NoKind}, "inputs.path: must be a kind of sfray.artifacts, or a dict of labels to one"),
        ({"inputs": Clash}, "keep: a step would have two keys of this name; rename one"),
        ({"output": "Traces"}, "output: 'Traces' must be a kind of sfray.artifacts"),
        ({"group": "traces"}, "group: 'traces' must be a group of the config"),
        ({"group": "prompts"}, "group: 'prompts' must be a group of the config"),
        ({"cluster": "ray"}, "cluster: 'ray' must be one of none, joined, own"),
        ({"runs_model": True}, "settings: must have model and engine, as runs_model is set"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_class_is_said(changes: dict[str, Any], problem: str | None) -> None:
    assert fault(type("Changed", (Example,), changes)) == problem


def test_a_class_that_is_no_stage_is_refused_by_the_key_that_names_it() -> None:
    wanted = rf"^method\.mine\.stage: {__name__}:Bare: settings: must be a dataclass$"
    with pytest.raises(ValueError, match=wanted):
        stage("method.mine.stage", f"{__name__}:Bare")


class Bare(Stage[Settings, Inputs]):
    """A stage that says nothing of itself."""

    def run(self, settings: Settings, inputs: Inputs, output: Artifact) -> None:
        """Does nothing."""
