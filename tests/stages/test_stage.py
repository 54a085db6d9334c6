"""What a stage declares, and what of its settings is its identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from sfray.artifacts import Model, Questions, Responses, Traces
from sfray.config import Config, EngineConfig, RunConfig, TraceConfig
from sfray.config.marks import SPEED_ONLY
from sfray.prompts import load
from sfray.stages.stage import Input, Stage, declared_inputs, identity
from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Settings:
    """Some of each kind."""

    run: RunConfig
    prompts: str
    trace: TraceConfig
    engine: Annotated[EngineConfig, SPEED_ONLY]


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
    assert set(values) == {"run", "prompts", "trace"}
    assert values["run"] == {"seed": 0, "shard_questions": 16}
    assert values["prompts"] == load().digest
    assert "builders" not in values["trace"]
    assert values["trace"]["recipe"] == "algorithm1"
    assert Example().identity(Settings(whole.run, "default", whole.trace, whole.engine)) == values
    assert list(Example().problems(Settings(whole.run, "default", whole.trace, whole.engine))) == []
