"""The lenient reading: finds more, pays nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.hostile import GOLD, LEGAL, RESPONSES
from sfray.tasks.lenient import extract, verify_leniently
from sfray.tasks.registry import verify

NUMBER = json.dumps({"number": "42"})


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<ANSWER>42</ANSWER>", "42"),
        ("<answer>42", "42"),
        ("<think><answer>42</answer>", "42"),
        ("<answer>41</answer><answer>42</answer>", "42"),
        (r"So \boxed{41}, no, \boxed{42}.", "42"),
        ("The answer is 42. Good.", "42"),
        ("The answer is: 42\nDone", "42"),
        ("Answer: 42", "42"),
        ("the answer is 3.5", "3.5"),
        (r"<answer></answer> \boxed{42}", "42"),
        ("42", None),
        ("", None),
    ],
)
def test_it_finds_an_answer(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("task", "gold", "text"),
    [
        ("gsm8k", NUMBER, "The answer is **42**."),
        ("gsm8k", NUMBER, r"\boxed{42}"),
        ("gsm8k", NUMBER, "<answer>**42**</answer>"),
        ("gsm8k", NUMBER, "<Answer>42</Answer>"),
        ("countdown", GOLD, r"\boxed{(3 + 5) * 8}"),
        ("countdown", GOLD, "<answer>$(3 + 5) * 8$</answer>"),
        ("countdown", GOLD, "<answer>(3 + 5) * 8.</answer>"),
        ("countdown", GOLD, RESPONSES["unclosed_think"]),
    ],
)
def test_it_accepts_what_the_strict_rule_does_not(task: str, gold: str, text: str) -> None:
    assert not verify(task, gold, text).correct
    assert verify_leniently(task, gold, text).correct


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_strictly_right_is_right_here(name: str) -> None:
    assert verify_leniently("countdown", GOLD, LEGAL[name]) == verify("countdown", GOLD, LEGAL[name])


@pytest.mark.parametrize("name", [n for n in RESPONSES if n.startswith(("long", "many"))])
def test_long_texts_are_no_trouble(name: str) -> None:
    assert not verify_leniently("countdown", GOLD, RESPONSES[name]).correct


@given(st.text(max_size=60))
def test_no_text_raises_and_strict_implies_lenient(text: str) -> None:
    if verify("gsm8k", NUMBER, text).correct:
        assert verify_leniently("gsm8k", NUMBER, text).correct
    else:
        verify_leniently("gsm8k", NUMBER, text)
