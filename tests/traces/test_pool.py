"""Which rows get into the pools, and what becomes of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sfray.records import Reject
from sfray.traces.pool import Candidate, gather
from tests.traces.rows import attempt, reflection

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


@pytest.mark.parametrize("tag", ["</sample>", "<reflect>", "</THINK>", "< think >"])
def test_structural_tags_are_rejects(tag: str) -> None:
    bad = replace(RIGHT, text=f"so {tag} <answer>1</answer>")
    assert gather([bad], [reflection(bad)]).rejects == [Reject(bad.id, "structural_tag", bad.text)]
    on_good = reflection(RIGHT, text=f"{tag} <verdict>Correct</verdict>")
    got = gather([RIGHT], [on_good])
    assert got.rejects == [Reject(on_good.id, "structural_tag", on_good.text)]
    assert got.skipped == {"no_valid_reflection": 1}
