"""Mathematics: an answer is right when it is mathematically equal to the gold (AIME, AMC, MATH-500).

Equality is the library ``math-verify``'s, called in a bounded worker
(:mod:`sfray.tasks.worker`); a time-out and a library error are outcomes of their own.
"""

from __future__ import annotations

import json
from typing import ClassVar

from sfray.tasks.formula import alters, even, is_prose, plain, stated, unwrap, without_unit
from sfray.tasks.generated import Draft
from sfray.tasks.loaded import Loaded, Row, text_of
from sfray.tasks.numbers import parse_number
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.task import Gold
from sfray.tasks.worker import WorkerFailure, WorkerTimeout, call

MAX_CHARS = 500
"""Longest answer that is looked at. The longest gold of MATH-500 has 53 characters."""

_COMPARE = "sfray.tasks.equality:compare"


def gold_problem(gold: Gold) -> str | None:
    """Needs ``answer``, a formula that math-verify can read."""
    given = gold.get("answer")
    if not isinstance(given, str) or len(given) > MAX_CHARS or (formula := unwrap(given)) is None:
        return f"answer: expected one formula of at most {MAX_CHARS} characters, got {given!r}"
    if parse_number(formula, units=False) is not None:
        return None
    try:
        return None if call(_COMPARE, {"gold": formula, "answer": None}) == "equal" else f"answer: unreadable: {given}"
    except (WorkerTimeout, WorkerFailure) as error:
        return f"answer: {given!r}: {error}"


def judge(gold: Gold, answer: str) -> Outcome:
    """Judges a formula.

    Plain numbers are compared exactly, and text that is the gold's own is right, both
    without the library. What is left goes to it unless it is prose: a word of four
    letters or more outside ``\\text{}``, or two numbers side by side. ``x = 42`` states 42,
    and a unit behind a number may be left out. What the library passes over (bases, primes,
    moduli, words in ``\\text{}``) must be the gold's.
    """
    if len(answer) > MAX_CHARS:
        return Outcome.wrong(Reason.TOO_LONG, answer)
    formula, right = unwrap(answer), unwrap(gold["answer"])
    if formula is None or right is None:
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    formula, right = even(formula), even(right)
    if plain(formula) == plain(right):
        return Outcome.right(answer)
    if "=" in formula and "=" not in right:
        formula = stated(formula)
    if formula is None or alters(formula := without_unit(formula), right):
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    numbers = [parse_number(text.replace(r"\$", "$"), units=False) for text in (right, formula)]
    if None not in numbers:
        return Outcome.right(answer) if numbers[0] == numbers[1] else Outcome.wrong(Reason.WRONG_VALUE, answer)
    if is_prose(formula):
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    return _compared(right, formula, answer)


def _compared(right: str, formula: str, answer: str) -> Outcome:
    try:
        verdict = call(_COMPARE, {"gold": right, "answer": formula})
    except WorkerTimeout:
        return Outcome.wrong(Reason.TIMEOUT, answer)
    except WorkerFailure:
        return Outcome.wrong(Reason.PARSE_ERROR, answer)
    if verdict == "unreadable":
        return Outcome.wrong(Reason.PARSE_ERROR, answer)
    return Outcome.right(answer) if verdict == "equal" else Outcome.wrong(Reason.WRONG_VALUE, answer)


class Mathematics(Loaded):
    """A data set of problems with a formula as the answer. Columns ``problem`` (or ``question``) and ``answer``."""

    answer_type = "the result"
    splits: ClassVar = {"eval": "test"}

    def draft(self, row: Row) -> Draft:
        """Reads a row."""
        problem, answer = text_of(row, "problem", "question"), text_of(row, "answer")
        return Draft(problem, problem, json.dumps({"answer": answer}), answer)

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``answer``, a formula that can be read."""
        return gold_problem(gold)

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges a formula by mathematical equality."""
        return judge(gold, answer)


class Aime2025(Mathematics):
    """AIME 2025, both parts: 30 problems with integer answers."""

    name = "aime2025"
    path = "MathArena/aime_2025"
    splits: ClassVar = {"eval": "train"}


class Amc(Mathematics):
    """AMC 12 of 2022 and 2023: 83 problems, answers published as floats."""

    name = "amc"
    path = "AI-MO/aimo-validation-amc"
    splits: ClassVar = {"eval": "train"}


class Math500(Mathematics):
    """MATH-500: 500 problems of the MATH test set."""

    name = "math500"
    path = "HuggingFaceH4/MATH-500"
