"""Shares of a count by weight, and an even deal of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction


def share(count: int, weights: Sequence[float]) -> list[int]:
    """Shares a count by weight, by largest remainder; the first of equals goes first."""
    total = sum(map(Fraction, weights))
    if not count or not total:
        return [0] * len(weights)
    exact = [count * Fraction(w) / total for w in weights]
    shares = [int(e) for e in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: count - sum(shares)]:
        shares[i] += 1
    return shares


def deal(shares: Sequence[int]) -> Iterator[int]:
    """Deals the parts in an order that keeps every prefix as near to the shares as can be."""
    given = [0] * len(shares)
    for _ in range(sum(shares)):
        # The part whose next question is due first: question k of n is due at (k + 1/2) / n.
        open_parts = (i for i, s in enumerate(shares) if given[i] < s)
        i = min(open_parts, key=lambda i: (Fraction(2 * given[i] + 1, shares[i]), i))
        given[i] += 1
        yield i
