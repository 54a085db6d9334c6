"""One row of released raw data, in both spellings and in none."""

from __future__ import annotations

import pytest

from sfray.interchange.released import NO_VARIANT, Row, RowRefused, read
from tests.interchange.rows import RIGHT, documented, row

QUESTION = "Using the numbers [3, 5, 8], create an equation that equals 64."


def test_the_released_spelling() -> None:
    assert read(row("(3 + 5) * 8", True, (RIGHT, "no"))) == Row(
        QUESTION, "64", "original", "I try. <answer>(3 + 5) * 8</answer>", True, (RIGHT, "no")
    )


def test_the_documented_spelling() -> None:
    assert read(documented("(3 + 5) * 8", False)) == Row(
        QUESTION, "64", "plan-execute", "I plan. <answer>(3 + 5) * 8</answer>", False, (RIGHT,)
    )


def test_optional_columns() -> None:
    raw = row("8")
    for name in ("prompt_variant", "answer", "model_responses__mutated_prompts__eval_is_correct"):
        del raw[name]
    got = read(raw)
    assert (got.variant, got.answer, got.correct) == (NO_VARIANT, "", None)
    assert read(row("8", None)).correct is None


@pytest.mark.parametrize(("value", "answer"), [(64, "64"), (64.0, "64"), (2.5, "2.5"), (None, ""), ("64", "64")])
def test_golds_are_texts_or_numbers(value: object, answer: str) -> None:
    assert read(row("8") | {"answer": value}).answer == answer


@pytest.mark.parametrize(
    ("changes", "problem", "detail"),
    [
        ({"question": None}, "missing_column", "question"),
        (
            {"model_responses__mutated_prompts": None},
            "missing_column",
            "model_responses__mutated_prompts or",
        ),
        (
            {"model_responses__mutated_prompts_reflection": None},
            "missing_column",
            "model_responses__mutated_prompts",
        ),
        ({"model_responses__mutated_prompts": []}, "not_one_response", "response: 0 items, expected 1"),
        ({"model_responses__mutated_prompts": ["a", "b"]}, "not_one_response", "response: 2 items, expected 1"),
        ({"model_responses__mutated_prompts": [3]}, "bad_value", "response: expected text, got 3"),
        ({"answer": ["64"]}, "bad_value", "answer: expected text, got ['64']"),
        ({"answer": True}, "bad_value", "answer: expected text, got True"),
        ({"model_responses__mutated_prompts": ["\ud83d"]}, "bad_value", "response: half of a surrogate pair"),
        ({"question": 7}, "bad_value", "question: expected text, got 7"),
        ({"model_responses__mutated_prompts_reflection": [None]}, "bad_value", "reflection: expected text, got None"),
        (
            {"model_responses__mutated_prompts__eval_is_correct": ["yes"]},
            "bad_value",
            "label: expected true or false, got 'yes'",
        ),
    ],
)
def test_malformed_rows(changes: dict, problem: str, detail: str) -> None:
    with pytest.raises(RowRefused) as error:
        read(row("8") | changes)
    assert error.value.problem == problem
    assert error.value.detail.startswith(detail)
