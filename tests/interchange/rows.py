"""Rows in the schema of the released raw data, written for the tests."""

from __future__ import annotations

RIGHT, WRONG = "<verdict>Correct</verdict>", "<verdict>Incorrect</verdict>"


def row(
    expression: str,
    correct: bool | None = True,
    reflections: tuple[str, ...] = (RIGHT,),
    question: str = "Using the numbers [3, 5, 8], create an equation that equals 64.",
    variant: str = "original",
    answer: str = "64",
) -> dict:
    """A row with the column names of the released data."""
    return {
        "question": question,
        "answer": answer,
        "prompt_variant": variant,
        "model_responses__mutated_prompts": [f"I try. <answer>{expression}</answer>"],
        "model_responses__mutated_prompts__eval_extracted_answers": [expression],
        "model_responses__mutated_prompts__eval_is_correct": [correct],
        "model_responses__mutated_prompts_reflection": list(reflections),
    }


def documented(expression: str, correct: bool, reflections: tuple[str, ...] = (RIGHT,)) -> dict:
    """A row with the column names of the release's documentation."""
    return {
        "question": "Using the numbers [3, 5, 8], create an equation that equals 64.",
        "answer": "64",
        "prompt_type": "plan/execute",
        "model_responses__example_annotation": f"I plan. <answer>{expression}</answer>",
        "model_responses__example_annotation__eval_is_correct": [correct],
        "model_responses__mutated_prompts_reflection": list(reflections),
    }
