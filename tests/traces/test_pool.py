"""Which rows get into the pools, and what becomes of the others."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from sfray.config import TraceConfig
from sfray.records import Reject
from sfray.traces.pool import Candidate, gather, not_drawn
from tests.traces.rows import VARIANTS, attempt, reflection

RIGHT, WRONG = attempt(0, True), attempt(0, False)


def test_pools_are_split_by_correctness_and_ordered_by_id() -> None:
    attempts = [attempt(2, True), WRONG, attempt(1, True)]
    reflections = [reflection(a, k) for a in attempts for k in (1, 0)]
    pools = gather(attempts, reflections).pools
    assert [c.attempt.answer for c in pools.correct] == ["C1", "C2"]
    assert pools.incorrect == (Candidate(WRONG, (reflection(WRONG, 0), reflection(WRONG, 1))),)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"finish": "length"}, "truncated_attempt"),
        ({"answer": None}, "no_answer"),
        ({"variant": "plan"}, "other_variant"),
    ],
)
def test_unusable_attempts_are_counted(changes: dict, reason: str) -> None:
    unusable = replace(RIGHT, **changes)
    got = gather([unusable, WRONG], [reflection(unusable), reflection(WRONG)], ["plain"])
    assert (len(got.pools.correct), len(got.pools.incorrect)) == (0, 1)
    assert got.skipped == {reason: 1}
    assert got.rejects == []


@pytest.mark.parametrize(
    ("changes", "skipped"),
    [
        ({"valid": False}, {"invalid_reflection": 1, "no_valid_reflection": 1}),
        ({"finish": "length"}, {"truncated_reflection": 1, "no_valid_reflection": 1}),
    ],
)
def test_unusable_reflections_are_counted(changes: dict, skipped: dict) -> None:
    got = gather([RIGHT], [reflection(RIGHT, **changes)])
    assert got.pools.correct == ()
    assert got.skipped == skipped


@pytest.mark.parametrize("reason", ["timeout", "parse_error"])
def test_what_could_not_be_judged_is_a_reject_and_not_incorrect(reason: str) -> None:
    unjudged = replace(WRONG, reason=reason, answer="42!!")
    got = gather([unjudged, RIGHT], [reflection(unjudged), reflection(RIGHT)])
    assert got.pools.incorrect == ()
    assert [c.attempt for c in got.pools.correct] == [RIGHT]
    assert got.rejects == [Reject(id=unjudged.id, reason="unjudged", detail=f"{reason}: 42!!")]
    assert got.skipped == {}


@pytest.mark.parametrize(
    ("changes", "reason"), [({"finish": "length"}, "truncated_attempt"), ({"answer": None}, "no_answer")]
)
def test_an_unjudged_attempt_that_has_no_part_anyway_is_only_counted(changes: dict, reason: str) -> None:
    got = gather([replace(WRONG, reason="timeout", **changes)], [])
    assert (got.rejects, got.skipped) == ([], {reason: 1})


def test_attempts_that_are_left_out_go_with_all_their_reflections() -> None:
    other = attempt(1, False)
    reflections = [reflection(RIGHT), reflection(WRONG, 0, valid=False), reflection(WRONG, 1), reflection(other, 0)]
    got = gather([RIGHT, WRONG, other], reflections, left_out={WRONG.id})
    assert [c.attempt for c in (*got.pools.correct, *got.pools.incorrect)] == [RIGHT, other]
    assert (got.rejects, got.skipped) == ([], {"not_drawn": 1})


MANY = [attempt(i, correct=i % 3 == 0, variant=VARIANTS[i % 4]) for i in range(16)]


def drawn(limit: int | None, attempts: list = MANY, seed: int = 0, **config: object) -> set[str]:
    left_out = not_drawn(attempts, TraceConfig(attempts_per_question=limit, **config), seed)
    return {a.id for a in attempts} - left_out


def test_the_draw_of_attempts_is_exact_and_larger_numbers_add_to_it() -> None:
    assert drawn(3) == {"q/plain/12", "q/alternatives/102", "q/alternatives/110"}
    by_limit = [drawn(n) for n in range(1, 20)]
    assert [len(ids) for ids in by_limit] == [*range(1, 17), 16, 16, 16]
    assert all(less <= more for less, more in pairwise(by_limit))
    assert drawn(None) == {a.id for a in MANY}


def test_the_draw_of_attempts_depends_on_seed_and_ids_alone() -> None:
    assert drawn(5, MANY[::-1]) == drawn(5)
    assert drawn(5, recipe="random", l_max=2) == drawn(5)
    assert drawn(5, [replace(a, correct=False, answer=None, text="", finish="length") for a in MANY]) == drawn(5)
    assert drawn(5, seed=1) != drawn(5)


def test_attempts_are_drawn_from_the_variants_in_use() -> None:
    plain = {a.id for a in MANY if a.variant == "plain"}
    assert len(drawn(3, variants=["plain"]) & plain) == 3
    got = gather(MANY, [], ["plain"], not_drawn(MANY, TraceConfig(attempts_per_question=3, variants=["plain"]), 0))
    assert got.skipped == {"other_variant": 12, "not_drawn": 1, "no_valid_reflection": 3}


@pytest.mark.parametrize("tag", ["</sample>", "<reflect>", "</THINK>", "< think >"])
def test_structural_tags_are_rejects(tag: str) -> None:
    bad = replace(RIGHT, text=f"so {tag} <answer>1</answer>")
    assert gather([bad], [reflection(bad)]).rejects == [Reject(id=bad.id, reason="structural_tag", detail=bad.text)]
    on_good = reflection(RIGHT, text=f"{tag} <verdict>Correct</verdict>")
    got = gather([RIGHT], [on_good])
    assert got.rejects == [Reject(id=on_good.id, reason="structural_tag", detail=on_good.text)]
    assert got.skipped == {"no_valid_reflection": 1}
