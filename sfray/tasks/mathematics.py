"""Mathematics: an answer is right when it is mathematically equal to the gold (AIME, AMC, MATH-500).

Equality is the library ``math-verify``'s, called in a bounded worker
(:mod:`sfray.tasks.worker`); a time-out and a library error are outcomes of their own.
"""

from __future__ import annotations

import json
import re
from typing import ClassVar

from sfray.tasks.generated import Draft
from sfray.tasks.loaded import Loaded, Row, text_of
from sfray.tasks.numbers import parse_number
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.task import Gold
from sfray.tasks.units import is_unit
from sfray.tasks.worker import WorkerFailure, WorkerTimeout, call

MAX_CHARS = 500
"""Longest answer that is looked at. The longest gold of MATH-500 has 53 characters."""

MAX_DEPTH = 16
"""Deepest nesting of braces, and of parentheses."""

_COMPARE = "sfray.tasks.equality:compare"
_WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
_COMMAND = re.compile(r"\\[A-Za-z]+")
_TEXT = re.compile(r"\\(?:text|mbox|mathrm|textbf)\s*\{([^{}]*)\}")
_FRAMES = re.compile(r"\\!|\\(?:left|right)(?![A-Za-z])")
_THOUSANDS = re.compile(r"(?<=[0-9])\\[,;: ](?=[0-9]{3}(?![0-9]))")
_SPACES = re.compile(r"\s+|\\[,;: ]")
_FRACTION = re.compile(r"(\\[dt]?frac) ?([0-9]) ?([0-9])")
_LOOSE = re.compile(r"(?<![0-9]) | (?![0-9])")
_WORD = re.compile(r"(?<![A-Za-z])(?!(?:arc(?:sin|cos|tan)|sinh|cosh|tanh|sqrt)(?![A-Za-z]))[A-Za-z]{4,}")
_UNIT = re.compile(r"(?<=[0-9}])\s+[A-Za-z]{4,}(?:\s+[A-Za-z]+){0,2}$")
_GREEK = "alpha|beta|gamma|delta|epsilon|varepsilon|theta|lambda|mu|nu|xi|rho|sigma|tau|phi|varphi|psi|omega"
_NAME = re.compile(
    rf"(?:[A-Za-z]|[A-Z]{{2}}|\\(?:{_GREEK})|answer|result)(?:_\{{?\w+\}}?)?(?:\([A-Za-z](?:, ?[A-Za-z])*\))?",
    re.ASCII | re.IGNORECASE,
)
_BASE = re.compile(r"(?<=[0-9}])_ ?\{?([A-Za-z0-9]+)\}?")
_CHANGES = re.compile(r"'|\\[pb]?mod(?![A-Za-z])|\\prime(?![A-Za-z])")
_TWO_NUMBERS = re.compile(r"[0-9]\s+[0-9]")
_PI = re.compile(r"(?<![A-Za-z\\])pi(?![A-Za-z])")


def unwrap(answer: str) -> str | None:
    """The formula of an answer: without one pair of math delimiters, one ``\\boxed{}`` and a final period.

    None when a delimiter is left inside or braces do not match: the answer then holds
    several formulas, and which one is meant is not for the verifier to choose.
    """
    text = answer.strip().removesuffix(".").rstrip()
    for opened, closed in _WRAPPERS:
        if len(text) > len(opened) + len(closed) and text.startswith(opened) and text.endswith(closed):
            text = text[len(opened) : -len(closed)].strip()
            break
    if (content := boxed(text)) and text == f"\\boxed{{{content[0]}}}":
        text = content[0].strip()
    inside = text.replace(r"\$", "")
    if not text or "$" in inside or any(d in text for d in (r"\(", r"\)", r"\[", r"\boxed")) or not _balanced(text):
        return None
    return text.removesuffix("%").removesuffix("\\").rstrip() if text.endswith("%") else text


def _balanced(text: str) -> bool:
    """Whether braces match, and nest no deeper than the library can take."""
    depth, parentheses = 0, 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        parentheses += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        if not 0 <= depth <= MAX_DEPTH or abs(parentheses) > MAX_DEPTH:
            return False
    return depth == 0


def boxed(text: str) -> list[str]:
    """The contents of every complete ``\\boxed{…}`` that stands in no other, in order; linear."""
    found: list[str] = []
    at = 0
    while (start := text.find(r"\boxed{", at)) >= 0:
        depth, at = 1, start + len(r"\boxed{")
        begin = at
        while at < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        if depth:
            break
        found.append(text[begin : at - 1])
    return found


def gold_problem(gold: Gold) -> str | None:
    """Needs ``answer``, a formula that math-verify can read."""
    stated = gold.get("answer")
    if not isinstance(stated, str) or len(stated) > MAX_CHARS or (formula := unwrap(stated)) is None:
        return f"answer: expected one formula of at most {MAX_CHARS} characters, got {stated!r}"
    if parse_number(formula, units=False) is not None:
        return None
    try:
        return None if call(_COMPARE, {"gold": formula, "answer": None}) == "equal" else f"answer: unreadable: {stated}"
    except (WorkerTimeout, WorkerFailure) as error:
        return f"answer: {stated!r}: {error}"


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
    formula, right = _even(formula), _even(right)
    if _plain(formula) == _plain(right):
        return Outcome.right(answer)
    if "=" in formula and "=" not in right:
        name, _, formula = formula.partition("=")
        if "=" in formula or not _NAME.fullmatch(name.strip()):
            return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    formula = _PI.sub(r"\\pi", _UNIT.sub(_without_unit, formula.strip()))
    if _alters(formula, right):
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    numbers = [parse_number(text.replace(r"\$", "$"), units=False) for text in (right, formula)]
    if None not in numbers:
        return Outcome.right(answer) if numbers[0] == numbers[1] else Outcome.wrong(Reason.WRONG_VALUE, answer)
    if not formula or _TWO_NUMBERS.search(formula) or _WORD.search(_COMMAND.sub(" ", _TEXT.sub(" ", formula))):
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


def _without_unit(words: re.Match[str]) -> str:
    """Nothing, or the words behind a number when they are no unit."""
    return "" if all(map(is_unit, words[0].split())) else words[0]


def _alters(formula: str, right: str) -> bool:
    """Whether an answer holds what the library passes over and the gold does not: bases, primes, moduli, words."""
    if _BASE.findall(formula) != _BASE.findall(right) or set(_CHANGES.findall(formula)) - set(_CHANGES.findall(right)):
        return True
    said = {text.strip() for text in _TEXT.findall(right)}
    return any(t.strip() not in said and not all(map(is_unit, t.split())) for t in _TEXT.findall(formula))


def _even(formula: str) -> str:
    """A formula with one way to write spaces and short fractions, and no separators of thousands."""
    spaced = _SPACES.sub(" ", _THOUSANDS.sub("", _FRAMES.sub("", formula)))
    return _FRACTION.sub(r"\1{\2}{\3}", spaced)


def _plain(formula: str) -> str:
    """The text of a formula, without what does not show: spaces, except those that keep two numbers apart."""
    text = _LOOSE.sub("", _TEXT.sub(r"\1", formula))
    return text[1:-1] if re.fullmatch(r"\([A-Za-z]\)", text) else text


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
