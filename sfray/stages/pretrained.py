"""The ``pretrained`` stage: a model that exists already, known by its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfray.artifacts import Model
from sfray.config.settings import PretrainedSettings
from sfray.io.userfiles import model_digest
from sfray.models import named
from sfray.stages.stage import Stage, identity

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """It reads nothing."""


class Pretrained(Stage[PretrainedSettings, Inputs]):
    """Names a model that exists already: an embedded one, a folder, or one of the hub."""

    settings = PretrainedSettings
    inputs = Inputs
    output = Model
    group = "model"

    def identity(self, settings: PretrainedSettings, part: str = "") -> dict[str, Any]:  # noqa: ARG002
        """The settings, and what the model's files hold where they are on this machine."""
        folder = named(settings.model.path)
        content = {"content": model_digest(folder)} if folder.is_dir() else {}
        return identity(settings) | content

    def run(self, settings: PretrainedSettings, inputs: Inputs, output: Artifact) -> None:  # noqa: ARG002
        """Writes down where the model is."""
        from sfray.models import anywhere

        output.commit({}, {"path": anywhere(settings.model.path)})
