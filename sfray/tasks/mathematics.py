"""Mathematics: an answer is right when it is mathematically equal to the gold (AIME, AMC, MATH-500).

Equality is the library ``math-verify``'s, called in a bounded worker
(:mod:`sfray.tasks.worker`); a time-out and a library error are outcomes of their own.
"""

from __future__ import annotations

import json
import re
from typing import ClassVar

from sfray.tasks.form import (
    asked,
    brings_in,
    by_name,
    derives,
    hands_back,
    in_order,
    is_idle,
    lacks_sets,
    leaves_work,
    miscounts,
    of_tuple,
    percent_of,
    repeats,
    respells,
    unordered,
    values,
)
from sfray.tasks.formula import (
    alters,
    confuses,
    element,
    even,
    has_variable,
    is_prose,
    measured,
    number_of,
    plain,
    restates,
    stated,
    unwrap,
    words_of,
)
from sfray.tasks.generated import Draft
from sfray.tasks.limits import is_costly
from sfray.tasks.loaded import Loaded, Row, text_of
from sfray.tasks.notation import as_gold, repeating, respelt, unbracketed, undressed
from sfray.tasks.numbers import parse_number
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.task import Gold
from sfray.tasks.units import agree
from sfray.tasks.worker import WorkerFailure, WorkerTimeout, call

MAX_CHARS = 500
"""Longest answer that is looked at. The longest gold of MATH-500 has 53 characters."""

_NO_ANSWERS = frozenset({"nan", "none", "null", "na", "n/a"})
_COMPARE = "sfray.tasks.equality:compare"


def gold_of(question: str, answer: str) -> Gold:
    """The gold of a question: its answer, and the formulas of the question where it has some."""
    formulas = asked(question)
    return {"answer": answer, "asked": formulas} if formulas else {"answer": answer}


def gold_problem(gold: Gold) -> str | None:
    """Needs ``answer``, a formula that math-verify can read."""
    given = gold.get("answer")
    if not isinstance(given, str) or len(given) > MAX_CHARS or (formula := _read(given)) is None:
        return f"answer: expected one formula of at most {MAX_CHARS} characters, got {given!r}"
    if formula.lower() in _NO_ANSWERS:
        return f"answer: {given!r} is a missing value, not an answer"
    value, _ = measured(formula, letters=False, known=words_of(formula))
    if parse_number(number_of(value), units=False) is not None:
        return None
    try:
        verdict = call(_COMPARE, {"gold": _whole(value), "answer": None})
    except (WorkerTimeout, WorkerFailure) as error:
        return f"answer: {given!r}: {error}"
    return None if verdict == "equal" else f"answer: unreadable: {given}"


def judge(gold: Gold, answer: str) -> Outcome:
    """Judges a formula.

    Plain numbers are compared exactly, and text that is the gold's own is right, both
    without the library. What is left goes to it unless it is prose: a word of four
    letters or more outside ``\\text{}``, or two numbers side by side. ``x = 42`` states 42.
    A unit may be left out; where gold and answer have one, it must be the same. What the
    library passes over (bases, primes, moduli, words in ``\\text{}``) must be the gold's,
    a set is no ordered pair, and what is left to be worked out is no answer, unless the
    gold has it too: ``\\binom{8}{4}`` for 70, ``3x = 6`` for ``x = 2``, nor is a formula of
    the question. The rules of taste are in ``docs/verifiers.md``.
    """
    if len(answer) > MAX_CHARS:
        return Outcome.wrong(Reason.TOO_LONG, answer)
    formula, right = _read(answer), _read(gold["answer"])
    if formula is None or right is None:
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    if plain(formula) == plain(right) or _same_words(formula, right):
        return Outcome.right(answer)
    if hands_back(formula, right, gold.get("asked", ())) or is_idle(formula, right) or derives(formula, right):
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    formula = as_gold(formula, right)
    if _relates(formula, right):
        formula = of_tuple(formula, right, gold.get("asked", ())) or values(formula, right) or stated(formula)
    if formula is None:
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    if plain(formula) == plain(right):
        return Outcome.right(answer)
    formula, right = by_name(formula, right) or in_order(formula, right) or (formula, right)
    return _measured(right, formula, answer)


_EQUATION = re.compile(r"=|\\ne(?![A-Za-z])")
_RELATION = re.compile(rf"{_EQUATION.pattern}|\\[lg]e(?![A-Za-z])")


def _relates(formula: str, right: str) -> bool:
    """Whether it is a relation and the gold is neither a relation nor an interval, which one may describe."""
    relation = _EQUATION if re.search(r"[(\[]", right) else _RELATION
    return relation.search(formula) is not None and _RELATION.search(right) is None


def _measured(right: str, formula: str, answer: str) -> Outcome:
    """Judges what is stated, unit and value."""
    known = words_of(right)
    formula, unit = measured(formula, not has_variable(measured(right, known=known)[0]), known)
    right, asked = measured(right, bool(unit), known)
    right, formula = repeating(right), repeating(formula)
    texts = [number_of(text) for text in (formula, right)]
    if alters(formula, right) or restates(formula, right):
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    if unit and asked and not agree(unit, asked):
        return Outcome.wrong(Reason.WRONG_VALUE, answer)
    value, wanted = (parse_number(text, units=False) for text in texts)
    if None in (value, wanted) and (is_prose(formula) or is_costly(formula)):
        return Outcome.wrong(Reason.BAD_SYNTAX if is_prose(formula) else Reason.TOO_LONG, answer)
    if leaves_work(*texts):
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    if value is not None and wanted is not None:
        part = unit == ("percent",) and not asked
        same = percent_of(value, wanted) if part else value == wanted
        return Outcome.right(answer) if same else Outcome.wrong(Reason.WRONG_VALUE, answer)
    if any(
        differs(formula, right)
        for differs in (confuses, unordered, repeats, respells, brings_in, lacks_sets, miscounts)
    ):
        return Outcome.wrong(Reason.WRONG_VALUE, answer)
    return _compared(right, formula, answer)


def _same_words(formula: str, right: str) -> bool:
    """Whether both are the same words, in any case; single letters and names such as AB are no words."""
    words = plain(right)
    is_text = right.startswith(r"\text") or len(words) > 3
    return is_text and len(words) > 1 and words.isalpha() and plain(formula).lower() == words.lower()


def _read(text: str) -> str | None:
    formula = unwrap(respelt(undressed(text)))
    return None if formula is None else element(unbracketed(even(formula)))


def _whole(formula: str) -> str:
    # The library drops what may be a unit from the end, also where it is a variable: the t of 3t, the s of p - s.
    return formula + r"\," if formula[-1:].isalpha() else formula


def _compared(right: str, formula: str, answer: str) -> Outcome:
    try:
        verdict = call(_COMPARE, {"gold": _whole(right), "answer": _whole(formula)})
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
        return Draft(problem, problem, json.dumps(gold_of(problem, answer)), answer)

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
