"""Which part of a response is its final answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.tasks.answer import MAX_CHARS, SHOWN, complete_at, extract, final_part
from sfray.tasks.outcome import Outcome, Reason


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("no block", "no block"),
        ("<think>a</think>b", "b"),
        ("a</think>b", "b"),
        ("<think>a</think>b</think>c", "c"),
        ("<think>a", None),
        ("<think>a</think>b<think>c", None),
        ("<think>a</think>", ""),
    ],
)
def test_the_final_part_follows_the_thinking(text: str, part: str | None) -> None:
    assert final_part(text) == part


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer>5</answer>", "5"),
        ("<answer>\n 5 \n</answer>", "5"),
        ("<answer>a\nb</answer>", "a\nb"),
        ("<answer>1</answer><answer>2</answer>", "2"),
        ("<answer>1</answer> and <answer>2", "1"),
        ("<think><answer>1</answer></think><answer>2</answer>", "2"),
        ("<answer>1</answer></think><answer>2</answer>", "2"),
        ("<answer>a < b</answer>", "a < b"),
        ("<answer><b>1</b></answer>", "<b>1</b>"),
    ],
)
def test_the_last_complete_answer_counts(text: str, answer: str) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("", Outcome(False, Reason.NO_ANSWER)),
        ("<answer>5", Outcome(False, Reason.NO_ANSWER)),
        ("5</answer>", Outcome(False, Reason.NO_ANSWER)),
        ("<think><answer>5</answer></think>", Outcome(False, Reason.NO_ANSWER)),
        ("<think><answer>5</answer>", Outcome(False, Reason.UNCLOSED_THINK)),
        ("<answer> </answer>", Outcome(False, Reason.EMPTY_ANSWER)),
        ("<answer>5</answer><answer></answer>", Outcome(False, Reason.EMPTY_ANSWER)),
        ("<answer>1<answer>2</answer>", Outcome(False, Reason.NESTED_ANSWER, "2")),
        ("<answer>1</answer>2</answer>", Outcome(False, Reason.NESTED_ANSWER, "1</answer>2")),
        ("<answer>" + "a" * MAX_CHARS + "</answer>", Outcome(False, Reason.TOO_LONG, "a" * SHOWN)),
    ],
)
def test_what_is_no_answer_has_its_reason(text: str, outcome: Outcome) -> None:
    assert extract(text) == outcome


TAGS = st.sampled_from(["<answer>", "</answer>", "<think>", "</think>", "x", " ", "<", "7"])


@given(st.lists(TAGS, max_size=30).map("".join))
def test_any_text_has_an_answer_or_a_reason(text: str) -> None:
    answer = extract(text)
    if isinstance(answer, Outcome):
        assert not answer.correct
        assert answer.reason in Reason
    else:
        assert f"{answer}" == answer.strip() != ""
        assert "<answer>" not in answer
        assert "</answer>" not in answer


@given(st.text(alphabet="abc <>/\n", max_size=20).filter(lambda t: t.strip()), st.text(alphabet="xyz \n<", max_size=20))
def test_a_wrapped_answer_is_found(answer: str, around: str) -> None:
    assert extract(f"<think>{around}</think>{around}<answer>{answer}</answer>{around}") == answer.strip()


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("<answer>1</answer>", "<answer>1</answer>"),
        ("<answer>1</answer> and <answer>2</answer> so", "<answer>1</answer> and <answer>2</answer>"),
        (
            "<think><answer>1</answer></think> <answer>2</answer>.",
            "<think><answer>1</answer></think> <answer>2</answer>",
        ),
        ("<think><answer>1</answer>", None),
        ("<think><answer>1</answer></think> so", None),
        ("2</answer>", None),
        ("", None),
    ],
)
def test_where_the_final_answer_is_complete(text: str, complete: str | None) -> None:
    end = complete_at(text)
    assert (text[:end] if end is not None else None) == complete


@given(st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "x", " "]), max_size=12))
def test_a_complete_answer_is_read_the_same_without_what_follows(parts: list[str]) -> None:
    text = "".join(parts)
    end = complete_at(text)
    if end is None:
        assert isinstance(extract(text), Outcome)
    else:
        assert extract(text[:end]) == extract(text)
