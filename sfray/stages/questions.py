"""The ``questions`` stage: every split of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfray.artifacts import Questions
from sfray.config.settings import QuestionSettings
from sfray.io.userfiles import content_digest, located
from sfray.stages.stage import Stage, identity

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """It reads nothing."""


class MakeQuestions(Stage[QuestionSettings, Inputs]):
    """Generates or loads the questions of every split."""

    settings = QuestionSettings
    inputs = Inputs
    output = Questions
    group = "task"

    def identity(self, settings: QuestionSettings, part: str = "") -> dict[str, Any]:
        """The settings, without those of other splits than ``part``, and what local data files hold."""
        values = identity(settings)
        others = [split for split in Questions.parts if part and split != part]
        values["task"] = {k: v for k, v in values["task"].items() if k not in others}
        data = data_digests(settings.task.options)
        return values | ({"content": data} if data else {})

    def run(self, settings: QuestionSettings, inputs: Inputs, output: Artifact) -> None:  # noqa: ARG002
        """Writes a file for each split."""
        from sfray.tasks.questions import write

        write(settings, output)


def data_digests(options: Any) -> dict[str, str]:
    """The digest of each local file or folder that task options name as a ``path``, at any depth."""
    found: dict[str, str] = {}
    parts = options.items() if isinstance(options, Mapping) else enumerate(options)
    for key, value in parts:
        names = value.values() if key == "path" and isinstance(value, Mapping) else [value] if key == "path" else []
        there = [str(n) for n in names if isinstance(n, str) and n and located(n).exists()]
        found |= {name: content_digest(located(name)) for name in there}
        if key != "path" and isinstance(value, Mapping | list | tuple):
            found |= data_digests(value)
    return found
