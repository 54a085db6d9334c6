"""Shares by weight and an even deal."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.tasks.shares import deal, share


@pytest.mark.parametrize(
    ("count", "weights", "shares"),
    [
        (10, [3, 1], [8, 2]),
        (10, [1, 1, 1], [4, 3, 3]),
        (7, [0.5, 0.5], [4, 3]),
        (3, [1, 0, 1], [2, 0, 1]),
        (0, [1, 2], [0, 0]),
        (811, [198, 30, 83, 500], [198, 30, 83, 500]),
        (1, [1, 100], [0, 1]),
    ],
)
def test_shares_are_by_largest_remainder(count: int, weights: list[float], shares: list[int]) -> None:
    assert share(count, weights) == shares


@given(st.integers(0, 500), st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_shares_add_up_and_are_within_one(count: int, weights: list[float]) -> None:
    shares = share(count, weights)
    assert sum(shares) == count
    assert all(abs(s - count * w / sum(weights)) <= 1 + 1e-9 for s, w in zip(shares, weights, strict=True))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5))
def test_the_deal_gives_each_its_share_evenly(shares: list[int]) -> None:
    order = list(deal(shares))
    assert Counter(order) == {i: s for i, s in enumerate(shares) if s}
    for length in range(len(order) + 1):
        got = Counter(order[:length])
        assert all(abs(got[i] - s * length / len(order)) <= len(shares) for i, s in enumerate(shares) if order)
