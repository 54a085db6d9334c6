"""A random subset of a whole set of traces, each trace as likely (``trace.subsample_size``).

The choice goes by a hash of run seed and trace id. So it is the same for any sharding and any
number of builders, and a larger size only adds traces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import nsmallest
from itertools import chain

from sfray import seeds


def subsample(names: Mapping[int, Sequence[str]], size: int, seed: int) -> dict[int, frozenset[str]]:
    """Chooses exactly ``size`` traces.

    Args:
        names: Shard -> ids of the traces that it can make.
        size: How many to keep.
        seed: The run's seed.

    Returns:
        Shard -> ids of the traces to keep.

    Raises:
        ValueError: There are fewer traces than ``size``.
    """
    total = sum(map(len, names.values()))
    if total < size:
        raise ValueError(
            f"trace.subsample_size: {size} asks for more traces than there are, {total}; lower it, or null for all"
        )
    ranked = nsmallest(size, chain(*names.values()), key=lambda name: seeds.derive(seed, "traces", "subsample", name))
    kept = frozenset(ranked)
    return {shard: kept.intersection(listed) for shard, listed in names.items()}
