"""``{name}`` in a template: what is filled, and what is found that nothing fills."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.prompts.placeholders import fill, unknown

BRACES = st.text(st.sampled_from("{}ab "), max_size=12)


@given(BRACES, BRACES)
def test_fill_leaves_values_alone(a: str, b: str) -> None:
    assert fill("{a}|{b}", a=a, b=b) == f"{a}|{b}"


@given(BRACES)
def test_fill_leaves_other_braces_alone(template: str) -> None:
    assert fill(template, question="x") == template


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{x}", "1"),
        ("{x}{x}", "11"),
        ("{{x}}", "{1}"),
        ("{y}{x", "{y}{x"),
        (r"\frac{1}{x}", r"\frac{1}1"),
        ("", ""),
    ],
)
def test_fill(template: str, text: str) -> None:
    assert fill(template, x="1") == text


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{x} {y}", [("{y}", "y")]),
        ("{X}{ x }{x-y}", [("{X}", "X"), ("{ x }", "x"), ("{x-y}", "x-y")]),
        ("{{y}}", [("{y}", "y")]),
        (r"\frac{y}{z} \boxed{y} y_{z} y^{z}", []),
        (r"\frac{1}{2}{y}", []),
        (r"\\ {y}", [("{y}", "y")]),
        ('{} {1, 2} {a, b} {"y": 1} {y', []),
        ("", []),
    ],
)
def test_unknown(template: str, found: list[tuple[str, str]]) -> None:
    assert list(unknown(template, ["x"])) == found


@given(st.text(st.sampled_from("{}ab \\\\_"), max_size=14))
def test_what_is_found_stands_there_and_is_not_filled(template: str) -> None:
    for written, name in unknown(template, ["a"]):
        assert written in template
        assert name in written
        assert fill(written, a="x") == written
