"""Expressions: what the grammar reads, what it refuses, and exact values."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.tasks.expression import (
    ExpressionError,
    ExpressionTooLong,
    Tree,
    literals,
    parse,
    render,
    steps,
    value,
)

TREES = st.recursive(
    st.integers(0, 99),
    lambda inner: st.tuples(st.sampled_from("+-*/"), inner, inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("7", 7),
        ("0", 0),
        ("1+2", ("+", 1, 2)),
        ("1 + 2 * 3", ("+", 1, ("*", 2, 3))),
        ("(1 + 2) * 3", ("*", ("+", 1, 2), 3)),
        ("8 - 3 - 2", ("-", ("-", 8, 3), 2)),
        ("8 / 4 / 2", ("/", ("/", 8, 4), 2)),
        ("8 / (4 / 2)", ("/", 8, ("/", 4, 2))),
        ("8 - 3 + 2", ("+", ("-", 8, 3), 2)),
        ("8 × 3 · 2 ⋅ 1 ÷ 4 − 5", ("-", ("/", ("*", ("*", ("*", 8, 3), 2), 1), 4), 5)),
        ("\t1\r\n+\n2  ", ("+", 1, 2)),
        ("((((5))))", 5),
    ],
)
def test_it_reads_by_the_usual_precedence(text: str, tree: Tree) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "1 +",
        "+ 1",
        "-1",
        "1 - -2",
        "1 2",
        "1 (2)",
        "(1)(2)",
        "()",
        "(1",
        "1)",
        ")1(",
        "01",
        "00",
        "1.5",
        "1e5",
        "1_0",
        "0x1",
        "2**3",
        "7//2",
        "5!",
        "5%2",
        "2^3",
        "x",
        "1 x 2",
        "sqrt(4)",
        "٣",
        "３",
        "²",
        "1,2",
        "1=1",
        "1\xa0+ 2",
        "1\x0c+ 2",
        "\ufeff1",
        "1\x00",
        "[1]",
        "{1}",
    ],
)
def test_it_refuses_what_is_not_in_the_grammar(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert not isinstance(caught.value, ExpressionTooLong)


@pytest.mark.parametrize(
    ("text", "caps"),
    [
        ("1" * 11, {"max_chars": 10}),
        ("1+1+1", {"max_nodes": 4}),
        ("(((1)))", {"max_depth": 2}),
        ("+".join(["1"] * 33), {}),
        ("(" * 65 + "1" + ")" * 65, {}),
    ],
)
def test_it_is_capped(text: str, caps: dict) -> None:
    with pytest.raises(ExpressionTooLong):
        parse(text, **caps)


def test_the_caps_are_inclusive() -> None:
    assert parse("1+1+1", max_chars=5, max_nodes=5) == ("+", ("+", 1, 1), 1)
    assert parse("((1))", max_depth=2) == 1
    assert literals(parse("+".join(["1"] * 32))) == [1] * 32


@pytest.mark.parametrize(
    ("tree", "result"),
    [
        (("/", 7, 2), Fraction(7, 2)),
        (("*", ("/", 1, 3), 3), Fraction(1)),
        (("-", 3, 5), Fraction(-2)),
        (("/", 1, 0), None),
        (("/", 0, ("-", 5, 5)), None),
        (("*", 0, ("/", 1, 0)), None),
        (("+", ("/", 1, 0), 1), None),
    ],
)
def test_values_are_exact_and_division_by_zero_has_none(tree: Tree, result: Fraction | None) -> None:
    assert value(tree) == result


def test_literals_stand_from_left_to_right() -> None:
    assert literals(parse("(3 + 5) * 8 - 3")) == [3, 5, 8, 3]


@given(TREES)
def test_what_is_written_is_read_back_with_the_same_value_and_literals(tree: Tree) -> None:
    again = parse(render(tree))
    assert value(again) == value(tree)
    assert literals(again) == literals(tree)


@given(st.text(alphabet="0123456789+-*/() =x.×÷−\n٣", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tree = parse(text)
    except ExpressionError:
        return
    assert parse(render(tree)) is not None


def test_steps_follow_the_order_of_evaluation() -> None:
    assert steps(parse("(3 + 5) * 8")) == ["3 + 5 = 8", "8 * 8 = 64"]
    assert steps(parse("7 / 2 - 1")) == ["7 / 2 = 7/2", "7/2 - 1 = 5/2"]
    assert steps(7) == []
