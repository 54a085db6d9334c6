"""The nouns that a question counts: they may stand behind its answer, and what changes a number may not."""

from __future__ import annotations

import json

import pytest

from sfray.interchange.gold import gold as imported
from sfray.tasks.counted import MAX_NOUNS, counted
from sfray.tasks.gsm8k import Gsm8k
from sfray.tasks.outcome import Reason

QUESTION = (
    "Ann picks 12 raspberries and 3 pomelos a day. How many zorbs and how many french fries does she get for them?"
)
GOLD = {"number": "42", "nouns": ["raspberri", "pomelo", "zorb", "french"]}


def test_the_words_behind_how_many_and_behind_numbers() -> None:
    assert counted(QUESTION) == GOLD["nouns"]
    assert counted("What is the number of stitches in 7 skeins?") == ["stitch", "skein"]


@pytest.mark.parametrize(
    "question",
    [
        "How many apples are left of 12 apples?",  # the closed lists have them
        "How many more does he need? How many times? How many did they sell?",
        "He has 3 million, 4 dozen, 5 sixteenths and 2 trillionths. How many thousands?",
        "It costs $5 zorbs, 7 M, 8 T, 9 mn and 2.5k; 3x is 6 y.",
        "How many twos, halves and wrongs are there?",
        "",
    ],
)
def test_nothing_else(question: str) -> None:
    assert counted(question) == []


def test_a_long_question_has_no_more_than_so_many() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    assert len(counted(" ".join(f"7 zor{a}{b}" for a in letters for b in "bcd"))) == MAX_NOUNS


@pytest.mark.parametrize(
    "answer",
    [
        "42",
        "42 raspberries",
        "42 Raspberries.",
        "42 zorb",
        "42 french fries",
        "42 apples",
        "42 pomelos left",
        "42.0 zorbs",
    ],
)
def test_a_noun_of_the_question_may_follow_the_number(answer: str) -> None:
    assert Gsm8k.judge(GOLD, answer).correct


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("41 raspberries", Reason.WRONG_VALUE),
        *(
            (answer, Reason.BAD_SYNTAX)
            for answer in (
                "42 million",
                "42 dozen zorbs",
                "42 trillionth",
                "42 sixteenths",
                "42M",
                "42 T",
                "42 nope",
                "42 blorks",
                "42 zorbs or 43",
                "42 zorbs not pomelos",
                "$42 zorbs",
                "42 zorbs and pomelos and fries",
                "42 zorbs^2",
            )
        ),
    ],
)
def test_what_changes_the_number_or_is_unknown_may_not(answer: str, reason: Reason) -> None:
    assert Gsm8k.judge(GOLD, answer).reason is reason


def test_golds_without_nouns_are_judged_as_before() -> None:
    assert Gsm8k.judge({"number": "42"}, "42 apples").correct
    assert Gsm8k.judge({"number": "42"}, "42 zorbs").reason is Reason.BAD_SYNTAX
    assert Gsm8k.gold_problem({"number": "42"}) is None


@pytest.mark.parametrize("nouns", ["zorb", [3], None])
def test_nouns_are_a_list_of_texts(nouns: object) -> None:
    assert str(Gsm8k.gold_problem({"number": "42", "nouns": nouns})).startswith("nouns: expected a list of texts")
    assert Gsm8k.gold_problem(GOLD) is None


def test_imported_golds_have_them_too() -> None:
    content, _, known = imported("gsm8k", QUESTION, "She gets them. #### 42")
    assert (json.loads(content), known) == (GOLD, "42")
