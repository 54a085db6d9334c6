"""``{name}`` in a template: what is filled, and what is found that nothing fills."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.prompts.wording import Wording, fill

BRACES = st.text(st.sampled_from("{}ab "), max_size=12)


@given(BRACES, BRACES)
def test_fill_leaves_values_alone(a: str, b: str) -> None:
    assert fill("{a}|{b}", a=a, b=b) == f"{a}|{b}"


@given(BRACES)
def test_fill_leaves_other_braces_alone(template: str) -> None:
    assert fill(template, question="x") == template


def replaced(template: str, values: dict[str, str]) -> str:
    """Each ``{name}``, from the left, by hand."""
    text, rest = "", template
    while "{" in rest:
        before, _, after = rest.partition("{")
        name, closed, tail = after.partition("}")
        if closed and name in values:
            text, rest = text + before + values[name], tail
        else:
            text, rest = text + before + "{", after
    return text + rest


@given(
    st.lists(st.sampled_from(["{", "}", "a", "b", "{a}", "$", "$a", "\\", " ", "\n"]), max_size=16).map("".join), BRACES
)
def test_fill_replaces_names_in_braces_and_nothing_else(template: str, value: str) -> None:
    assert fill(template, a=value, b="$b") == replaced(template, {"a": value, "b": "$b"})


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
        ("{question} {answer}", [("{answer}", "answer")]),
        ("{Question} { question }", [("{Question}", "Question"), ("{ question }", "question")]),
        ("{answer_typ} {answer-type}", [("{answer_typ}", "answer_typ"), ("{answer-type}", "answer-type")]),
        ("({attempts})", [("{attempts}", "attempts")]),
        ("{{answer}} ${answer} [1]{answer} {x}{answer}", []),
        (r"\frac{answer}{answer} \boxed{answer} y_{answer} y^{answer} \{answer}", []),
        (r"\frac{x^{2}}{answer} \frac{\sqrt{a}}{answer} \sqrt[3]{answer}", []),
        (r"\boxed {answer} \operatorname*{answer}", []),
        (r"\frac{x^{2}}{y} \frac{\sqrt{a}}{b} \sqrt[3]{x} \operatorname*{argmin} ${HOME} {{x}} {xyz}", []),
        (r"\\ {answer}", [("{answer}", "answer")]),
        ('{} {1, 2} {answer, question} {"answer": 1} {answer', []),
        ("", []),
    ],
)
def test_misspelt(template: str, found: list[tuple[str, str]]) -> None:
    assert list(Wording(template).misspelt(["question"])) == found


@given(st.lists(st.sampled_from(["{", "}", "answer", "question", " ", "\\x", "_"]), max_size=14).map("".join))
def test_what_is_found_stands_there_and_is_not_filled(template: str) -> None:
    for written, name in Wording(template).misspelt(["answer"]):
        assert written in template
        assert name in written
        assert fill(written, answer="x") == written
