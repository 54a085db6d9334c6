"""The ``teacher`` stage: another model attempts questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfray.artifacts import Attempts, Questions
from sfray.config.settings import TeacherSettings
from sfray.io.userfiles import content_digest, located
from sfray.stages.stage import Stage, identity

if TYPE_CHECKING:
    from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Inputs:
    """What it reads."""

    questions: Questions


class Teach(Stage[TeacherSettings, Inputs]):
    """Asks an endpoint for attempts, or reads them from a file, and judges them: distillation begins with it."""

    settings = TeacherSettings
    inputs = Inputs
    output = Attempts
    group = "teacher"

    def identity(self, settings: TeacherSettings, part: str = "") -> dict[str, Any]:  # noqa: ARG002
        """The settings, with what the file holds in place of its name."""
        values = identity(settings)
        file = located(settings.teacher.path)
        if settings.teacher.path and file.exists():
            values["teacher"]["path"] = content_digest(file)
        return values

    def problems(self, settings: TeacherSettings) -> Iterator[str]:
        """There must be one source of attempts, and what it needs."""
        teacher = settings.teacher
        if bool(teacher.path) == bool(teacher.url):
            yield "teacher.url: give the address of an endpoint, or a file of responses as teacher.path, and not both"
        if teacher.url and not teacher.model:
            yield f"teacher.model: must name a model of {teacher.url}"
        if teacher.path and not located(teacher.path).exists():
            yield f"teacher.path: there is no {teacher.path}"

    def run(self, settings: TeacherSettings, inputs: Inputs, output: Artifact) -> None:
        """Makes the attempts that are missing."""
        from sfray.sampling.teacher import teach

        teach(settings, output, inputs.questions)
