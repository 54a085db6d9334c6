"""The trace recipes by name.

    recipe("algorithm1").plans(pools, config.trace, rng)  ->  [Plan, Plan, …]

A recipe is a pure function of one question's pools, the trace config and a generator; it
chooses and orders pairs and writes no text. What it has drawn it offers to ``make``, and draws
again what that refuses (:mod:`sfray.traces.drawing`). Another one is a function and a line below, or,
outside sfray, a ``Recipe`` that ``trace.recipe`` names as ``package.module:NAME``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from sfray import plugins
from sfray.config import TraceConfig
from sfray.names import suggestion
from sfray.traces import draining, released
from sfray.traces.drawing import Drawn, Make, whole
from sfray.traces.plan import Plan
from sfray.traces.pool import Pools


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to make traces.

    Attributes:
        name: Config-friendly name, also in ``Trace.recipe`` and trace ids.
        draw: Pools, config, generator and what to make of a plan -> traces as they were drawn.
        ends_correct: Whether every trace gives a correct answer.
        aliases: Other names, those of the released script among them.
        min_l_max: Smallest ``trace.l_max`` that makes sense.
        needs_only_drawn: Whether a draw stays the same, with all that follows, when pairs that it does not use are
            taken out of the pools: then no other reflections are needed (:mod:`sfray.traces.demand`). It holds where
            pairs are chosen by :class:`sfray.traces.drawing.Orders`. Without it every attempt is reflected on.
    """

    name: str
    draw: Callable[[Pools, TraceConfig, random.Random, Make], list[Drawn]]
    ends_correct: bool = True
    aliases: tuple[str, ...] = ()
    min_l_max: int = 1
    needs_only_drawn: bool = False

    def plans(self, pools: Pools, config: TraceConfig, rng: random.Random, make: Make = whole) -> list[Plan]:
        """The plans that fit, all of them without ``make``."""
        return [drawn.plan for drawn in self.draw(pools, config, rng, make) if drawn.made is not None]


RECIPES = {
    r.name: r
    for r in (
        Recipe("algorithm1", draining.algorithm1, needs_only_drawn=True),
        Recipe("uniform", draining.uniform, needs_only_drawn=True),
        Recipe("fixed_ratio", draining.fixed_ratio, needs_only_drawn=True),
        Recipe("no_order", draining.no_order, ends_correct=False, needs_only_drawn=True),
        Recipe("no_reflections", draining.no_reflections, needs_only_drawn=True),
        Recipe("shuffled_verdicts", draining.shuffled_verdicts, needs_only_drawn=True),
        Recipe("one_correct", released.one_correct, aliases=("0C",)),
        Recipe("last_correct", released.last_correct, aliases=("*C",)),
        Recipe("each_length", released.each_length, aliases=("*C_full",)),
        Recipe("back_to_correct", released.back_to_correct, aliases=("*C*IC",), min_l_max=2),
        Recipe("last_two_correct", released.last_two_correct, aliases=("*CC",), min_l_max=2),
        Recipe("random", released.ignore_correctness, ends_correct=False),
        Recipe("each_length_without_reflections", released.each_length_without_reflections),
    )
}
"""Name -> recipe."""

RENAMED = {
    "zero_c": "one_correct",
    "star_c": "last_correct",
    "star_c_full": "each_length",
    "star_c_ic": "back_to_correct",
    "star_cc": "last_two_correct",
    "no_reflection": "each_length_without_reflections",
}
"""Former name -> name: ``star_c`` had nothing to do with STaR, nor ``no_reflection`` with ``no_reflections``."""

_BY_ALIAS = {alias: r for r in RECIPES.values() for alias in (r.name, *r.aliases)}


def recipe(name: str) -> Recipe:
    """A recipe by its name, an alias or ``package.module:NAME``, or several of them joined by ``+`` as one.

    Raises:
        ValueError: No such recipe (names the nearest), or an object that is none.
    """
    parts = [_single(part.strip()) for part in name.split("+")]
    if len({p.name for p in parts}) < len(parts):
        raise ValueError(f"trace.recipe: {name!r} names a recipe twice; trace.repeats makes more traces of each")
    return parts[0] if len(parts) == 1 else _together(parts)


def _together(parts: Sequence[Recipe]) -> Recipe:
    """The traces of several recipes in one set, each recipe with full pools."""

    def draw(pools: Pools, config: TraceConfig, rng: random.Random, make: Make) -> list[Drawn]:
        """The traces of each part, marked with its name."""
        return [
            replace(drawn, plan=replace(drawn.plan, recipe=part.name))
            for part in parts
            for drawn in part.draw(pools, config, rng, make)
        ]

    name = "+".join(p.name for p in parts)
    lazy = all(p.needs_only_drawn for p in parts)
    return Recipe(name, draw, all(p.ends_correct for p in parts), (), max(p.min_l_max for p in parts), lazy)


def _single(name: str) -> Recipe:
    if plugins.is_code(name):
        return _outside(name)
    if name in RENAMED:
        raise ValueError(f"trace.recipe: {name!r} is called {RENAMED[name]!r} now")
    if name not in _BY_ALIAS:
        raise ValueError(f"trace.recipe: no recipe {name!r}{suggestion(name, _BY_ALIAS, RECIPES)}")
    return _BY_ALIAS[name]


def _outside(name: str) -> Recipe:
    """A recipe by ``package.module:NAME``; its traces and their seeds carry the name that it gives itself."""
    found = plugins.instance("trace.recipe", name, Recipe)
    if not re.fullmatch(r"\w+", found.name):
        raise ValueError(f"trace.recipe: {name} calls itself {found.name!r}; letters, digits and '_' are allowed")
    if _BY_ALIAS.get(found.name, found) is not found:
        raise ValueError(f"trace.recipe: {name} calls itself {found.name!r}, as one of sfray's own does; rename it")
    return found


def needs_only_drawn(config: TraceConfig) -> bool:
    """Whether the recipe of a config needs no other reflections than those that it draws; False for no recipe."""
    try:
        return require(config).needs_only_drawn
    except ValueError:
        return False


def require(config: TraceConfig) -> Recipe:
    """The recipe of a config that it can work with.

    Raises:
        ValueError: With a line of :func:`problems` for each thing that is wrong.
    """
    if wrong := list(problems(config)):
        raise ValueError("\n".join(wrong))
    return recipe(config.recipe)


def problems(config: TraceConfig) -> Iterator[str]:
    """Yields a line for each thing in the trace config that its recipe cannot work with."""
    try:
        chosen = recipe(config.recipe)
    except ValueError as error:
        yield str(error)
        return
    if config.l_max < chosen.min_l_max:
        yield f"trace.l_max: {config.l_max} is too few for recipe {chosen.name}; at least {chosen.min_l_max}"
    if "fixed_ratio" in chosen.name.split("+") and config.n_correct < 1:
        yield f"trace.n_correct: {config.n_correct} must be at least 1: a trace ends in a correct pair"
    if config.n_incorrect < 0:
        yield f"trace.n_incorrect: {config.n_incorrect} must be 0 or more"
    if config.sampling_response_counts and config.l_max < 2:
        yield f"trace.l_max: {config.l_max} is too few for trace.sampling_response_counts; at least 2"
    if config.variants is not None and not config.variants:
        yield "trace.variants: an empty list leaves no attempts; null uses all"
    for key in ("max_per_question", "subsample_size", "attempts_per_question", "reflections_per_attempt"):
        value = getattr(config, key)
        if value is not None and value < 1:
            yield f"trace.{key}: {value} must be at least 1, or null"
    if config.distinct_variants and config.variants is not None and len(config.variants) == 1 and config.l_max > 1:
        yield "trace.distinct_variants: with one variant in trace.variants no trace can hold two attempts"
