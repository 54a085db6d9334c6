r"""Arithmetic that a text states, recomputed exactly.

    statements("3 + 5 = 8, then 8 * 8 = 63.")  ->  3 + 5 = 8 (right), 8 * 8 = 63 (wrong)

A statement is two to six plain numbers joined by operators, an equals sign and a number.
Read as operators: ``+ - − – * × · ⋅ ÷ / x`` and ``\times \cdot \div``. Not read, so never
called wrong: expressions with brackets, a number that belongs to a longer expression on
either side, powers. A decimal result may be rounded to the digits it shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,6}(?![\d])|\d{1,18}(?:\.\d{1,9})?)"
_OPERATOR = "[-+*/x×·⋅÷−–]"
# Every quantifier is bounded and a match starts only where a number starts: linear time.
_STATEMENT = re.compile(
    rf"(?<![\w.,])({_NUMBER}(?:\s{{0,3}}{_OPERATOR}\s{{0,3}}{_NUMBER}){{1,5}})\s{{0,3}}=\s{{0,3}}(-?{_NUMBER})(?![\d,.]*\d)"
)
_TOKEN = re.compile(rf"{_NUMBER}|{_OPERATOR}")
_WORDS = re.compile(r"\\(times|cdot|div)\b|\*\*|\$|\\[()\[\]]")
_MEANING = {"times": "*", "cdot": "*", "div": "/"}
_SAME = str.maketrans({"x": "*", "×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-"})
_JOINS_LEFT = frozenset("+-*/x×·⋅÷−–)^")
_JOINS_RIGHT = frozenset("+*/×·⋅÷−–(^%")
_SUBTRACTION = re.compile(r"-\s?\d")


Exact = int | Fraction
"""Whole numbers stay ``int``: they are most of what texts state, and ten times as fast."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One stated equation.

    Attributes:
        text: As written.
        claimed: The number to the right of the equals sign.
        holds: Whether the left side has that value.
    """

    text: str
    claimed: Exact
    holds: bool


def statements(text: str) -> list[Statement]:
    """Every equation that a text states, in order. Linear in its length."""
    # Mark-up goes first: bold marks would read as operators, `\times` would not read as one.
    plain = _WORDS.sub(lambda m: _MEANING.get(m[1] or "", " "), text)
    found = []
    for match in _STATEMENT.finditer(plain):
        if not _stands_alone(plain, match.start(), match.end()):
            continue
        claimed = number(match[2])
        found.append(Statement(match[0], claimed, _agree(_evaluate(match[1]), claimed, match[2])))
    return found


def _agree(value: Exact | None, claimed: Exact, written: str) -> bool:
    if value is None or value == claimed:
        return value is not None
    places = len(written.partition(".")[2])
    return places > 0 and abs(Fraction(value - claimed)) <= Fraction(1, 2 * 10**places)


def number(text: str) -> Exact:
    """A number as statements write it, thousands separators included.

    Raises:
        ValueError: The text is not a number.
    """
    plain = text.replace(",", "")
    return Fraction(plain) if "." in plain else int(plain)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a match is the whole of what was stated, not the end or beginning of more."""
    line = text[max(0, start - 200) : start].rpartition("\n")[2].rstrip()
    bullet = line.strip() in ("-", "*", "+", "–")
    if line and not bullet and line[-1] in _JOINS_LEFT:
        return False
    after = text[end : end + 4].lstrip(" ")
    # "= 8 - then" is prose, "= 8 - 3" goes on.
    return after[:1] not in _JOINS_RIGHT and not _SUBTRACTION.match(after)


def _evaluate(expression: str) -> Exact | None:
    """Exact value of an unbracketed expression; None for a division by zero."""
    tokens = _TOKEN.findall(expression.translate(_SAME))
    total: Exact = 0
    sign, term = 1, number(tokens[0])
    for operator, operand in zip(tokens[1::2], tokens[2::2], strict=True):
        value = number(operand)
        if operator == "*":
            term *= value
        elif operator == "/":
            if not value:
                return None
            term = Fraction(term) / value
        else:
            total += sign * term
            sign, term = (1 if operator == "+" else -1), value
    return total + sign * term
