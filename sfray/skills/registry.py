"""The skills by name, those of other packages included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from sfray import plugins
from sfray.config import SegmentsConfig
from sfray.grammar import REFLECTION, RESERVED, TAGS
from sfray.names import suggestion
from sfray.prompts import Prompts
from sfray.records import Attempt, Question
from sfray.skills.skill import Skill

SKILLS = {
    "reflection": "sfray.skills.reflection:Reflection",
    "planning": "sfray.skills.planning:Planning",
    "decomposition": "sfray.skills.decomposition:Decomposition",
    "backtracking": "sfray.skills.backtracking:Backtracking",
}
"""Name -> ``module:class``; imported on first use."""

_TAG = re.compile(r"[a-z][a-z0-9_]*")


def skill(name: str, key: str = "skill") -> Skill:
    """A skill by its name, or by where it is: ``my_lab.skills:Hypothesis``.

    Args:
        name: The name.
        key: The config key that holds it, for errors.

    Raises:
        ValueError: There is no such skill (names the nearest), or its class is not what a skill must be.
    """
    if name not in SKILLS and not plugins.is_code(name):
        raise ValueError(f"{key}: no skill {name!r}{suggestion(name, SKILLS)}")
    found = plugins.subclass(key, SKILLS.get(name, name), Skill)  # type: ignore[type-abstract]
    if fault := _fault(name, found):
        raise ValueError(f"{key}: {name}: {fault}")
    return found(name)


def _fault(name: str, cls: type[Skill]) -> str | None:
    """What is wrong with a skill's class."""
    tag = getattr(cls, "tag", None)
    if not isinstance(tag, str) or not _TAG.fullmatch(tag):
        return f"tag: {tag!r} must be a word in lower case, such as 'plan'"
    if tag in RESERVED and name != REFLECTION:
        return f"tag: {tag!r} has a meaning in every trace already; choose another"
    return None if cls.about in (Question, Attempt) else f"about: {cls.about!r} must be Question or Attempt"


def skills(names: Iterable[str], key: str = "skills") -> dict[str, Skill]:
    """Several skills by name, in order.

    Raises:
        ValueError: As :func:`skill`, or two of them share a tag.
    """
    found = {name: skill(name, key) for name in names}
    owners: dict[str, str] = {}
    for name, one in found.items():
        if (owner := owners.setdefault(one.tag, name)) != name:
            raise ValueError(f"{key}: {name} and {owner} both have the tag <{one.tag}>; rename one")
    return found


def sampled(config: SegmentsConfig, prompts: Prompts) -> Skill:
    """The skill whose segments a step samples.

    Args:
        config: Names the skill and the wordings to ask for it with.
        prompts: Has the wordings, where the skill has no other.

    Raises:
        ValueError: As :func:`skill`, or the segments of this one cannot be asked for.
    """
    found = skill(config.skill, "segments.skill")
    if found.name == REFLECTION:
        raise ValueError("segments.skill: reflections are sampled by the reflect stage; choose another skill")
    for variant in config.variants:
        prompts.wording(found.name, variant, found.wording)
    return found


def tags(declared: Mapping[str, Skill]) -> dict[str, str]:
    """Skill -> tag, as :func:`sfray.grammar.parse` takes it: attempts, reflections and the declared skills."""
    return {**TAGS, **{name: one.tag for name, one in declared.items()}}


def problems(names: Iterable[str], key: str) -> Iterator[str]:
    """Yields a line when the names of a config key are not all skills, or share a tag."""
    try:
        skills(names, key)
    except ValueError as error:
        yield str(error)
