"""Rows are values: equal by content, hashable, and not to be changed."""

from __future__ import annotations

import dataclasses

import pytest

from sfray.records import Reject


def test_a_row_is_a_value() -> None:
    reject = Reject("countdown-3:sft:000007", "truncated")
    assert reject == Reject("countdown-3:sft:000007", "truncated", "")
    assert len({reject, Reject("countdown-3:sft:000007", "truncated")}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        reject.reason = "other"  # type: ignore[misc]
