"""From the rows of one question to its plans.

The traces stage and the estimate before it both begin here, so that the estimate counts
the very traces that will be made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sfray import seeds
from sfray.config import TraceConfig
from sfray.records import Attempt, Reflection
from sfray.traces.drawing import Drawn, Make, whole
from sfray.traces.plan import Plan
from sfray.traces.pool import Control, Gathered, gather, not_drawn
from sfray.traces.recipes import recipe


@dataclass(frozen=True, slots=True)
class Planned:
    """What a question's rows come to.

    Attributes:
        gathered: The pools, and what is not in them.
        drawn: The traces as they were drawn, in order; those that do not fit among them.
    """

    gathered: Gathered
    drawn: list[Drawn]

    @property
    def plans(self) -> list[Plan]:
        """The plans of the traces that fit."""
        return [each.plan for each in self.drawn if each.made is not None]


def plan_question(
    question_id: str,
    attempts: Sequence[Attempt],
    reflections: Sequence[Reflection],
    config: TraceConfig,
    seed: int,
    make: Make = whole,
    control: Control | None = None,
    tags: Collection[str] = (),
) -> Planned:
    """Plans the traces of one question.

    The generator is seeded by run seed, recipe and question, and the pools are ordered by
    id, so the result depends neither on the order of the rows nor on any other question.
    ``trace.max_per_question`` chooses among the traces that fit, each as likely.

    Args:
        question_id: The question.
        attempts: Attempts at it.
        reflections: Reflections on them.
        config: How pairs become traces.
        seed: The run's seed.
        make: What to make of a plan, None where it does not fit; without it every plan fits.
        control: Finds control tokens of the model in a text; without it no text is looked at.
        tags: Tags of other skills that the traces show.
    """
    chosen = recipe(config.recipe)
    rng = seeds.rng(seed, "traces", chosen.name, question_id)
    gathered = gather(attempts, reflections, config.variants, not_drawn(attempts, config, seed), control, tags)
    drawn = chosen.draw(gathered.pools, config, rng, make)
    made = [i for i, each in enumerate(drawn) if each.made is not None]
    if config.max_per_question is not None and len(made) > config.max_per_question:
        left_out = set(made).difference(rng.sample(made, config.max_per_question))
        drawn = [each for i, each in enumerate(drawn) if i not in left_out]
    return Planned(gathered, drawn)
