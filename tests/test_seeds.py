"""Seeds: the numbers themselves are pinned, since shipped weights and old runs depend on them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.seeds import SHARES, derive, rng, split_of

KEYS = [
    f"countdown:{a},{b},{c}={t}" for a in range(1, 9) for b in range(a, 9) for c in range(b, 9) for t in range(1, 85)
]


@pytest.mark.parametrize(
    ("parts", "bits", "seed"),
    [
        ((), 63, 8203414616412130826),
        (("attempts", 0, "countdown-3:sft:000001/plain/0"), 63, 7461712995825069993),
        ((0,), 63, 3456079177858693020),
        ((0,), 32, 1609362278),
        ((0,), 64, 6912158355717386040),
        (("é", "数"), 63, 2291849942858088632),
    ],
)
def test_pinned(parts: tuple, bits: int, seed: int) -> None:
    assert derive(*parts, bits=bits) == seed


def test_pinned_draws() -> None:
    source = rng(0, "traces", "algorithm1", "countdown-3:sft:000001")
    assert [source.randint(0, 999) for _ in range(5)] == [498, 500, 443, 571, 826]


def test_pinned_splits() -> None:
    found = [split_of(f"countdown:1,2,{i}={i + 3}") for i in range(20)]
    assert found == ["pretrain"] * 13 + ["eval"] * 2 + ["rl"] * 3 + ["pretrain"] * 2


@given(st.lists(st.text() | st.integers(), max_size=4), st.integers(1, 64))
def test_a_seed_fits_its_bits(parts: list, bits: int) -> None:
    assert 0 <= derive(*parts, bits=bits) < 2**bits


@given(st.integers(), st.integers())
def test_order_and_grouping_matter(a: int, b: int) -> None:
    assert derive(a, b) != derive(f"{a}{b}")
    assert (derive(a, b) == derive(b, a)) == (a == b)


@given(st.integers())
def test_a_number_and_its_digits_are_the_same_name(a: int) -> None:
    assert derive("run", a) == derive("run", str(a))


def test_the_same_in_another_process_whatever_its_hash_seed() -> None:
    code = "from sfray.seeds import *; print(derive('a', 1), rng('b').random(), split_of('c'))"
    ours = f"{derive('a', 1)} {rng('b').random()} {split_of('c')}"
    for hash_seed in ("0", "12345"):
        theirs = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
        )
        assert theirs.stdout.strip() == ours


def test_generators_are_private() -> None:
    one, other = rng("x"), rng("x")
    one.random()
    assert other.random() == rng("x").random()


def test_shares_of_the_splits() -> None:
    counts = Counter(map(split_of, KEYS))
    assert set(counts) == set(SHARES)
    for split, share in {"pretrain": 0.7, "sft": 0.1, "rl": 0.1, "eval": 0.1}.items():
        assert counts[split] / len(KEYS) == pytest.approx(share, abs=0.015)  # > 4 standard errors


@given(st.text())
def test_every_key_has_one_split(key: str) -> None:
    assert split_of(key) in SHARES
    assert split_of(key) == split_of(key)
