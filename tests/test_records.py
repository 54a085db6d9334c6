"""Rows are values: equal by content, hashable, and not to be changed."""

from __future__ import annotations

import dataclasses

import pytest

from sfray.records import Attempt, Completion, Question, Reflection, Reject, SkillSegment, Trace


def test_a_row_is_a_value() -> None:
    reject = Reject(id="countdown-3:sft:000007", reason="truncated")
    assert reject == Reject(id="countdown-3:sft:000007", reason="truncated", detail="")
    assert len({reject, Reject(id="countdown-3:sft:000007", reason="truncated")}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        reject.reason = "other"  # type: ignore[misc]


@pytest.mark.parametrize("record", [Question, Attempt, Reflection, SkillSegment, Trace, Completion, Reject])
def test_a_record_is_built_by_the_names_of_its_fields(record: type) -> None:
    with pytest.raises(TypeError, match="positional"):
        record("id")
