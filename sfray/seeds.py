"""Seeds: everything random takes a number derived from stable names.

A seed depends on *what* is drawn (run seed, stage, row id), never on which actor
draws it or when, so results are the same for any sharding and after any retry.
"""

from __future__ import annotations

import hashlib
import random

SHARES = {"pretrain": 70, "sft": 10, "rl": 10, "eval": 10}
"""Percent of all problems that each split owns."""


def derive(*parts: object, bits: int = 63) -> int:
    """Derives a non-negative integer seed from a path of names.

    Args:
        *parts: Values with a stable ``str``; their order matters.
        bits: Width of the result (vLLM takes signed 64-bit seeds, torch 63).
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits)


def rng(*parts: object) -> random.Random:
    """A private generator seeded by :func:`derive`."""
    return random.Random(derive(*parts))  # noqa: S311 - simulation, not cryptography


def split_of(key: str) -> str:
    """The split that owns a problem, by a hash of its canonical key.

    Membership depends on the problem alone: splits stay disjoint whatever their
    sizes, seeds or order of generation, and the corpus of the embedded base model
    (``pretrain``) never meets a question of the other three.
    """
    point = derive("split", key) % 100
    for split, share in SHARES.items():
        if point < share:
            return split
        point -= share
    raise AssertionError("shares add up to 100")
