"""The text of a formula: taken out of its wrapping, evened out, and told from prose.

Text alone: whether two formulas are equal is :mod:`sfray.tasks.mathematics`' to say.
"""

from __future__ import annotations

import re

from sfray.tasks.units import is_unit

MAX_DEPTH = 16
"""Deepest nesting of braces, and of parentheses."""

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
    rf"(?:[A-Za-z]|[A-Z]{{2}}|\\(?:{_GREEK})|[Aa]nswer|[Rr]esult)(?:_\{{?\w+\}}?)?(?:\([A-Za-z](?:, ?[A-Za-z])*\))?",
    re.ASCII,
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


def even(formula: str) -> str:
    """A formula with one way to write spaces and short fractions, and no separators of thousands."""
    spaced = _SPACES.sub(" ", _THOUSANDS.sub("", _FRAMES.sub("", formula)))
    return _FRACTION.sub(r"\1{\2}{\3}", spaced)


def plain(formula: str) -> str:
    """The text of a formula, without what does not show: spaces, except those that keep two numbers apart."""
    text = _LOOSE.sub("", _TEXT.sub(r"\1", formula))
    return text[1:-1] if re.fullmatch(r"\([A-Za-z]\)", text) else text


def stated(formula: str) -> str | None:
    """What ``x = 42`` states, 42; None when what stands before the sign is no name."""
    name, _, value = formula.partition("=")
    return value.strip() if "=" not in value and _NAME.fullmatch(name.strip()) else None


def without_unit(formula: str) -> str:
    """A formula without the unit behind its last number, and with pi as a command."""
    return _PI.sub(r"\\pi", _UNIT.sub(lambda m: "" if all(map(is_unit, m[0].split())) else m[0], formula.strip()))


def is_prose(formula: str) -> bool:
    """Whether it is none: empty, a word of four letters or more outside ``\\text{}``, or two numbers side by side."""
    words = _COMMAND.sub(" ", _TEXT.sub(" ", formula))
    return not formula or _TWO_NUMBERS.search(formula) is not None or _WORD.search(words) is not None


def alters(formula: str, gold: str) -> bool:
    """Whether it holds what the library passes over and the gold does not: bases, primes, moduli, words."""
    if _BASE.findall(formula) != _BASE.findall(gold) or set(_CHANGES.findall(formula)) - set(_CHANGES.findall(gold)):
        return True
    said = {text.strip() for text in _TEXT.findall(gold)}
    return any(t.strip() not in said and not all(map(is_unit, t.split())) for t in _TEXT.findall(formula))
