"""Words around the pairs."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sfray.prompts import load
from sfray.traces.format import Draft, draft
from sfray.traces.plan import Closing, Plan, Step
from tests.traces.rows import attempt, reflection

PROMPTS = load()


def plan(shape: str, closing: Closing = Closing.NONE) -> Plan:
    attempts = [attempt(i, letter == "C") for i, letter in enumerate(shape)]
    return Plan(tuple(Step(a, reflection(a)) for a in attempts), closing)


def test_exact_text() -> None:
    text = Draft(plan("IC"), ("Once more.",), "", "So:").text
    assert text == (
        "<think>\n"
        "<sample>\ntry I0 <answer>I0</answer>\n</sample>\n"
        "<reflect>\ncheck I0 <verdict>Incorrect</verdict>\n</reflect>\n"
        "Once more.\n"
        "<sample>\ntry C1 <answer>C1</answer>\n</sample>\n"
        "<reflect>\ncheck C1 <verdict>Correct</verdict>\n</reflect>\n"
        "</think>\n\nSo:\n\n<answer>\nC1\n</answer>"
    )


def test_backtrack_repeats_the_correct_attempt_inside_the_thinking() -> None:
    text = Draft(plan("CI", Closing.BACKTRACK), ("Again.",), "Back:", "So:").text
    assert text.endswith("</reflect>\nBack:\ntry C0 <answer>C0</answer>\n</think>\n\nSo:\n\n<answer>\nC0\n</answer>")


def test_confirm_stands_after_the_last_pair() -> None:
    text = Draft(plan("CC", Closing.CONFIRM), ("Again.",), "Both agree.", "So:").text
    assert text.endswith("</reflect>\nBoth agree.\n</think>\n\nSo:\n\n<answer>\nC1\n</answer>")


def test_glue_fits_the_attempt_before_it() -> None:
    seen: dict[str, set[str]] = {"C": set(), "I": set()}
    for seed in range(400):
        made = draft(plan("CIC"), PROMPTS, random.Random(seed))
        assert len(made.glue) == 2
        seen["C"].add(made.glue[0])
        seen["I"].add(made.glue[1])
        assert made.closing == ""
        assert made.ending in PROMPTS.ending
    assert seen["C"] == {*PROMPTS.glue["correct"], *PROMPTS.glue["generic"]}
    assert seen["I"] == {*PROMPTS.glue["incorrect"], *PROMPTS.glue["generic"]}


def test_without_reflections_no_glue_says_how_a_check_ended() -> None:
    bare = plan("CIC").without_reflections()
    drafts = [draft(bare, PROMPTS, random.Random(seed)) for seed in range(400)]
    assert {d.glue[0] for d in drafts} == {d.glue[1] for d in drafts} == {*PROMPTS.glue["generic"]}
    assert {d.ending for d in drafts} == {*PROMPTS.ending}


@pytest.mark.parametrize(
    ("closing", "phrases"), [(Closing.BACKTRACK, PROMPTS.backtrack), (Closing.CONFIRM, PROMPTS.confirm)]
)
def test_closings_have_their_own_phrases(closing: Closing, phrases: tuple[str, ...]) -> None:
    made = [
        draft(plan("CCI" if closing is Closing.BACKTRACK else "CCC", closing), PROMPTS, random.Random(s))
        for s in range(60)
    ]
    assert {m.closing for m in made} == set(phrases)
    assert made[0].phrases == (*made[0].glue, made[0].closing, made[0].ending)


def test_an_attempt_without_an_answer_cannot_end_a_trace() -> None:
    step = Step(replace(attempt(0, True), answer=None), None)
    with pytest.raises(ValueError, match="has no answer"):
        _ = Draft(Plan((step,)), (), "", "So:").answer
