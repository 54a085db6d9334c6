"""What the steps of a method ask of each other, by the kind of their stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sfray.artifacts import Questions
from sfray.graph.step import Ref, Step
from sfray.names import closest
from sfray.records import Attempt
from sfray.skills.registry import skill


def problems(steps: Mapping[str, Step], made: Sequence[str]) -> Iterator[str]:
    """Yields a line for each thing that cannot work between steps.

    Args:
        steps: The steps of the method.
        made: The steps that are to be made; what is imported is not among them.
    """
    for name in made:
        step = steps[name]
        yield from _enough_questions(step, steps, made)
        if step.kind == "traces":
            yield from _known_variants(step, steps, made)
        elif step.kind == "segments":
            yield from _subjects_given(step)


def _enough_questions(step: Step, steps: Mapping[str, Step], made: Sequence[str]) -> Iterator[str]:
    """A split that is read has questions, and for GRPO enough to fill a batch."""
    for ref in step.inputs.values():
        if not isinstance(ref, Ref) or ref.part not in Questions.parts or ref.step not in made:
            continue
        source: Any = steps[ref.step].settings
        if not hasattr(source, "task"):
            continue
        count = getattr(source.task, ref.part).count
        if count == 0:
            yield f"task.{ref.part}.count: 0 questions for {step.name!r}; ask for some, or leave it out of steps"
        elif step.kind == "grpo" and ref is step.inputs["questions"] and count < step.settings.grpo.batch:
            yield f"task.{ref.part}.count: {count} questions do not fill one grpo.batch of {step.settings.grpo.batch}"


def _subjects_given(step: Step) -> Iterator[str]:
    """A skill whose segments speak of attempts is given attempts."""
    chosen = skill(step.settings.segments.skill, f"method.{step.name}.skill")
    if chosen.about is Attempt and "attempts" not in step.inputs:
        yield f"method.{step.name}.attempts: must be given: the segments of {chosen.name} speak of attempts"


def _known_variants(step: Step, steps: Mapping[str, Step], made: Sequence[str]) -> Iterator[str]:
    """The prompt variants that traces are restricted to are among those that were sampled."""
    ref = step.inputs["attempts"]
    source = steps[ref.step] if isinstance(ref, Ref) else step
    if source.kind != "sample" or source.name not in made:  # an import's variants have names of their own
        return
    sampled = source.settings.sample.variants
    for i, name in enumerate(step.settings.trace.variants or []):
        if name not in sampled:
            there = f"so there would be no attempts of it{closest(name, sampled)}"
            yield f"trace.variants[{i}]: {name!r} is not among sample.variants, {there}"
