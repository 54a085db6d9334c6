"""From a plan to a trace: the words between the pairs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sfray.grammar import ATTEMPT, TAGS, Pair, Segment, paired, render_parts
from sfray.prompts import Prompts
from sfray.traces.placing import Shown, Woven, weave
from sfray.traces.plan import Closing, Plan, Step

Count = Callable[[str, str], int]
"""Tokens of a conversation of (user turn, assistant turn), chat template included."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan with its words.

    Attributes:
        plan: The plan.
        glue: One phrase after each step but the last.
        closing: The phrase of the plan's closing; empty without one.
        ending: The phrase between the thinking and the answer.
        shown: The segments of other skills that were chosen for the trace.
    """

    plan: Plan
    glue: tuple[str, ...]
    closing: str
    ending: str
    shown: tuple[Shown, ...] = ()

    @property
    def phrases(self) -> tuple[str, ...]:
        """Every phrase in the draft."""
        return (*self.glue, *((self.closing,) if self.closing else ()), self.ending)

    @property
    def answer(self) -> str:
        """The answer that the trace gives."""
        answer = self.plan.steps[self.plan.final].attempt.answer
        if answer is None:
            raise ValueError(f"attempt {self.plan.steps[self.plan.final].attempt.id} has no answer")
        return answer

    @property
    def woven(self) -> Woven:
        """The parts of the thinking in order, and the segments among them that have a place."""
        steps = self.plan.steps
        pairs = [Pair(s.attempt.text, None if s.reflection is None else s.reflection.text) for s in steps]
        closing = self.closing
        if self.plan.closing is Closing.BACKTRACK:
            closing = f"{closing}\n{steps[self.plan.final].attempt.text.strip()}"
        return weave(paired(pairs, self.glue, closing), self.shown)

    @property
    def text(self) -> str:
        """The assistant turn."""
        tags = {**TAGS, **{one.skill.name: one.skill.tag for one in self.shown}}
        return render_parts(self.woven.parts, self.ending, self.answer, tags)

    @property
    def skills(self) -> Counter[str]:
        """Segments of each skill that the trace shows, in order of appearance; an attempt alone shows none."""
        return Counter(p.skill for p in self.woven.parts if isinstance(p, Segment) and p.skill != ATTEMPT)


def draft(plan: Plan, prompts: Prompts, rng: random.Random) -> Draft:
    """Draws the words of a plan.

    Glue after a correct attempt comes from the correct and generic phrases, after an
    incorrect one from the incorrect and generic ones. Where the reflection was left out
    nothing has been checked, so the glue is generic: it must not say how the check ended.
    """
    glue = [rng.choice(_glue(step, prompts)) for step in plan.steps[:-1]]
    closings = {Closing.BACKTRACK: prompts.backtrack, Closing.CONFIRM: prompts.confirm}
    closing = rng.choice(closings[plan.closing]) if plan.closing in closings else ""
    return Draft(plan, tuple(glue), closing, rng.choice(prompts.ending))


def _glue(step: Step, prompts: Prompts) -> tuple[str, ...]:
    """The phrases that may follow a step."""
    if step.reflection is None:
        return prompts.glue["generic"]
    return (*prompts.glue["correct" if step.correct else "incorrect"], *prompts.glue["generic"])
