"""Which segments a trace shows, and where they stand in it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.grammar import Pair, Segment, paired
from sfray.records import Attempt, SkillSegment
from sfray.skills.registry import skills
from sfray.skills.skill import Skill
from sfray.traces.placing import Shown, choose, weave
from sfray.traces.plan import Plan, Step
from tests.traces.rows import attempt, reflection, segment

SKILLS = skills(["decomposition", "planning", "backtracking"])
WRONG, RIGHT = attempt(0, False), attempt(0, True)
PLAN = Plan((Step(WRONG, reflection(WRONG)), Step(RIGHT, reflection(RIGHT))))
PARTS = paired([Pair("w", "wr"), Pair("c", "cr")], ["Again."])
ROWS = [
    segment("decomposition"),
    segment("planning", WRONG),
    segment("planning", RIGHT),
    segment("backtracking", WRONG),
]


def skill_order(parts: list) -> list[str]:
    return [p if isinstance(p, str) else p.skill for p in parts]


@pytest.mark.parametrize("names", [list(SKILLS), list(SKILLS)[::-1], ["planning", "backtracking", "decomposition"]])
def test_each_skill_has_its_place_whatever_the_order(names: list[str]) -> None:
    woven = weave(PARTS, choose(PLAN, ROWS, {n: SKILLS[n] for n in names}, random.Random(0)))
    assert woven.parts == [
        Segment("decomposition", "decomposition of q"),
        Segment("planning", "planning of I0", 2),
        Segment("attempt", "w"),
        Segment("reflection", "wr", 2),
        "Again.",
        Segment("backtracking", "backtracking of I0", 2),
        Segment("planning", "planning of C0", 7),
        Segment("attempt", "c"),
        Segment("reflection", "cr", 7),
    ]
    assert [r.id for r in woven.rows] == [
        "q/decompose0", f"{WRONG.id}/plan0", f"{WRONG.id}/backtrack0", f"{RIGHT.id}/plan0"
    ]  # fmt: skip


def test_without_segments_the_parts_stay() -> None:
    assert choose(PLAN, [], SKILLS, random.Random(0)) == ()
    assert weave(PARTS, ()).parts == PARTS


def test_a_segment_without_a_place_is_left_out() -> None:
    last = Plan((Step(RIGHT, reflection(RIGHT)), Step(WRONG, reflection(WRONG))))
    shown = choose(last, ROWS, {"backtracking": SKILLS["backtracking"]}, random.Random(0))
    assert [s.step for s in shown] == [1]
    assert weave(PARTS, shown).rows == []


def test_a_place_outside_the_trace_is_an_error() -> None:
    class Lost(Skill):
        tag = "lost"

        def place(self, trace, at):
            return len(trace) + 1

    with pytest.raises(ValueError, match=r"^skill lost: place 6 is outside a trace of 5 parts$"):
        weave(PARTS, [Shown(segment("decomposition"), Lost("lost"))])


def test_an_attempt_that_returns_shows_another_segment() -> None:
    twice = Plan((Step(RIGHT, reflection(RIGHT, 0)), Step(RIGHT, reflection(RIGHT, 1)), *PLAN.steps[1:]))
    rows = [segment("planning", RIGHT, 0), segment("planning", RIGHT, 1)]
    shown = choose(twice, rows, SKILLS, random.Random(0))
    assert [s.step for s in shown] == [0, 1]
    assert {s.row.id for s in shown} == {r.id for r in rows}


def test_the_draw_depends_on_neither_order_nor_other_skills_rows() -> None:
    rows = [segment("decomposition", number=k) for k in range(5)]
    drawn = [choose(PLAN, rows, SKILLS, random.Random(seed))[0].row.id for seed in range(60)]
    assert drawn == [choose(PLAN, rows[::-1], SKILLS, random.Random(seed))[0].row.id for seed in range(60)]
    assert set(drawn) == {r.id for r in rows}


subjects = st.lists(st.booleans(), min_size=1, max_size=5)


@given(subjects, st.booleans(), st.integers(0, 99))
def test_weaving_only_adds(rights: list[bool], reflected: bool, seed: int) -> None:
    attempts: list[Attempt] = [attempt(i, right) for i, right in enumerate(rights)]
    plan = Plan(tuple(Step(a, reflection(a) if reflected else None) for a in attempts))
    pairs = [Pair(s.attempt.text, s.reflection.text if s.reflection else None) for s in plan.steps]
    parts = paired(pairs, ["g"] * (len(pairs) - 1))
    rows: list[SkillSegment] = [segment("decomposition"), *(segment("planning", a) for a in attempts)]
    rows += [segment("backtracking", a) for a in attempts if not a.correct]
    woven = weave(parts, choose(plan, rows, SKILLS, random.Random(seed)))
    kept = [(p if isinstance(p, str) else p.text) for p in woven.parts if isinstance(p, str) or p.skill not in SKILLS]
    assert kept == [p if isinstance(p, str) else p.text for p in parts]
    backtracked = sum(not right for right in rights[:-1]) if reflected else 0
    assert skill_order(woven.parts).count("backtracking") == backtracked
    assert len(woven.parts) == len(parts) + len(woven.rows) == len(parts) + 1 + len(rights) + backtracked
