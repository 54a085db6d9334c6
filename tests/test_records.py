"""Rows are values: equal by content, hashable, and not to be changed."""

from __future__ import annotations

import dataclasses

import pytest

from sfray.records import Reject, SkillSegment


def test_a_row_is_a_value() -> None:
    reject = Reject("countdown-3:sft:000007", "truncated")
    assert reject == Reject("countdown-3:sft:000007", "truncated", "")
    assert len({reject, Reject("countdown-3:sft:000007", "truncated")}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        reject.reason = "other"  # type: ignore[misc]


def test_a_segment_is_built_by_the_names_of_its_fields() -> None:
    with pytest.raises(TypeError, match="positional"):
        SkillSegment("q/plan0", "planning", "q", None, "default", 0, "p", 1, "stop")  # type: ignore[misc]
