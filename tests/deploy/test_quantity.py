"""Quantities as Kubernetes writes them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.deploy.quantity import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4),
        (4, 4),
        ("0.5", Fraction(1, 2)),
        ("500m", Fraction(1, 2)),
        ("2Ki", 2048),
        ("1.5Gi", 3 * 2**29),
        ("1G", 10**9),
        ("1e3", 1000),
        ("2E2", 200),
        ("1E", 10**18),
        ("1Ei", 2**60),
        ("-1", -1),
        (".5", Fraction(1, 2)),
    ],
)
def test_known_quantities(text: object, number: Fraction) -> None:
    assert quantity(text) == number


@pytest.mark.parametrize("text", ["", "four", "4 Gi", "4GB", "1e", "Gi", None, True, "1.2.3"])
def test_anything_else_is_none(text: object) -> None:
    assert quantity(text) is None


@given(st.integers(0, 2**50))
def test_gibibytes_are_exact(number: int) -> None:
    assert quantity(f"{number}Gi") == number * 2**30
