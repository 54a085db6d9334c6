"""Sampled segments of other skills in a trace: which, and where.

Segments are drawn by a generator of their own and count towards the length: where every trace
fits, its attempts, reflections and words are the same with segments and without.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sfray.grammar import ATTEMPT, Segment
from sfray.records import Attempt, SkillSegment
from sfray.skills.skill import Part, Skill
from sfray.traces.plan import Plan


@dataclass(frozen=True, slots=True)
class Shown:
    """A segment that was chosen for a trace.

    Attributes:
        row: The segment.
        skill: Its skill, which says where it belongs.
        step: Index of the step whose attempt it speaks of; None when it is the question.
    """

    row: SkillSegment
    skill: Skill
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Woven:
    """The thinking of a trace.

    Attributes:
        parts: Segments and the words between them, in order.
        rows: The sampled segments among them, in order.
    """

    parts: list[Part]
    rows: list[SkillSegment]


def choose(
    plan: Plan, rows: Iterable[SkillSegment], skills: Mapping[str, Skill], rng: random.Random
) -> tuple[Shown, ...]:
    """Draws the segments of a trace: one of each skill about the question, one of each about each attempt.

    Args:
        plan: The attempts of the trace.
        rows: Sampled segments on its question and on attempts at it, in any order.
        skills: Name -> skill, for every skill among them.
        rng: Source of randomness.
    """
    listed = sorted(rows, key=lambda r: r.id)
    return tuple(
        shown
        for name, skill in skills.items()
        for shown in _of_skill(plan, [r for r in listed if r.skill == name], skill, rng)
    )


def _of_skill(plan: Plan, rows: Sequence[SkillSegment], skill: Skill, rng: random.Random) -> Iterator[Shown]:
    if skill.about is not Attempt:
        if rows:
            yield Shown(rng.choice(rows), skill)
        return
    used: set[str] = set()  # an attempt may be in a trace twice, with two reflections
    for i, step in enumerate(plan.steps):
        own = [r for r in rows if r.attempt_id == step.attempt.id and r.id not in used]
        if own:
            row = rng.choice(own)
            used.add(row.id)
            yield Shown(row, skill, i)


def weave(parts: Sequence[Part], shown: Sequence[Shown]) -> Woven:
    """Puts segments into a trace, each where its skill says; one without a place is left out.

    Args:
        parts: Attempts, reflections and the words between them, in order.
        shown: The segments, with the steps (the attempts among the parts, counted from 0) they speak of.

    Raises:
        ValueError: A skill gives a place outside the trace.
    """
    woven = list(parts)
    if not shown:
        return Woven(woven, [])
    attempts = [p for p in parts if isinstance(p, Segment) and p.skill == ATTEMPT]
    # Indices shift with every segment that goes in, so parts are told apart as objects until all are there.
    subjects = {id(p): parts[p.about] for p in parts if isinstance(p, Segment) and p.about is not None}
    rows: dict[int, SkillSegment] = {}
    for one in shown:
        subject = None if one.step is None else attempts[one.step]
        place = one.skill.place(woven, None if subject is None else _index(woven, subject))
        if place is None:
            continue
        if not 0 <= place <= len(woven):
            raise ValueError(f"skill {one.skill.name}: place {place} is outside a trace of {len(woven)} parts")
        segment = Segment(one.skill.name, one.row.text)
        woven.insert(place, segment)
        rows[id(segment)] = one.row
        if subject is not None:
            subjects[id(segment)] = subject
    where = {id(p): i for i, p in enumerate(woven)}
    linked = [
        replace(p, about=where[id(subjects[id(p)])]) if isinstance(p, Segment) and id(p) in subjects else p
        for p in woven
    ]
    return Woven(linked, [rows[id(p)] for p in woven if id(p) in rows])


def _index(parts: Sequence[Part], wanted: Segment) -> int:
    return next(i for i, p in enumerate(parts) if p is wanted)
