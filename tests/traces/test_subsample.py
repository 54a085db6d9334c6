"""Subsets of a whole set of traces: exact in size, seeded, each trace as likely."""

from __future__ import annotations

from collections import Counter

import pytest
from scipy.stats import chisquare

from sfray.traces.subsample import subsample

NAMES = {0: ["a", "b", "c"], 1: [], 2: ["d", "e", "f", "g"]}


def chosen(size: int, seed: int = 0, names: dict[int, list[str]] = NAMES) -> set[str]:
    return set().union(*subsample(names, size, seed).values())


def test_exactly_so_many_each_in_its_shard() -> None:
    for size in range(8):
        kept = subsample(NAMES, size, 0)
        assert sum(map(len, kept.values())) == size
        assert all(kept[shard] <= set(names) for shard, names in NAMES.items())


def test_sharding_does_not_matter_and_a_larger_size_only_adds() -> None:
    assert chosen(4, names={0: list("gfedcba")}) == chosen(4)
    assert all(chosen(size) < chosen(size + 1) for size in range(7))


def test_every_subset_is_as_likely() -> None:
    seen = Counter(frozenset(chosen(2, seed)) for seed in range(4_200))
    assert len(seen) == 21
    assert chisquare(list(seen.values())).pvalue > 0.001


def test_more_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^trace\.subsample_size: 8 asks for more traces than there are, 7; lower"):
        subsample(NAMES, 8, 0)
