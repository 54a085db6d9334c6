"""Numbers as people write them: one explicit normaliser, exact.

    number   = sign? (integer | decimal | fraction | mixed)      "-3" "2.50" ".5" "3/4" "1 1/2"
    mixed    = integer proper fraction                           "1 1/2", not "1 3/2"
    integer  = digits, or groups of three after the first, split by commas       "1,234,567"
    answer   = currency? sign? number (currency | "%" | unit)? "."?

A sign is ``+``, ``-`` or ``−``; currency is ``$ € £ ¥ ₹``, before or after the number but
not both. A unit is up to three words of ASCII letters, with ``^2``, ``²``, ``³``, ``°`` and
``/`` (``km/h``); :mod:`sfray.tasks.units` says which words are not units. Percent, currency and
units do not change the value: ``15%`` reads as 15, as the golds of the field drop them
too. Digits are ASCII; there are no exponents.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from decimal import Decimal
from fractions import Fraction

from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.units import leaves_value

MAX_CHARS = 200

_INTEGER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_NUMBER = re.compile(
    rf"(?P<whole>{_INTEGER}) (?P<over>[0-9]+)/(?P<under>[0-9]+)"
    rf"|(?P<top>{_INTEGER}) ?/ ?(?P<bottom>{_INTEGER})"
    rf"|(?P<decimal>{_INTEGER}(?:\.[0-9]+)?|\.[0-9]+)"
)
_CURRENCY = "$€£¥₹"


def parse_number(text: str, units: bool = True, nouns: Collection[str] = ()) -> Fraction | None:
    """Reads a number by the grammar above, in linear time.

    Args:
        text: The text.
        units: Whether a unit may follow.
        nouns: Stems of words that may be units beside those of the lists.

    Returns:
        The number; None for anything else.
    """
    if len(text) > MAX_CHARS:
        return None
    text = text.strip()
    currency_before = False
    sign, text = _sign(text)
    if text[:1] and text[0] in _CURRENCY:
        currency_before, text = True, text[1:].lstrip(" ")
        if not sign:
            sign, text = _sign(text)
    match = _NUMBER.match(text)
    if match is None or not _is_tail(text[match.end() :], currency_before, units, nouns):
        return None
    value = _value(match)
    return None if value is None else (-value if sign == "-" else value)


def number_text(value: object) -> str | None:
    """A number of a data set as text, whole ones without decimals; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return None
    if isinstance(value, int):
        return str(value)
    exact = Decimal(repr(value)) if isinstance(value, float) else value  # repr: 1e23 is not 99999999999999991611392
    if abs(exact.adjusted()) > MAX_CHARS:
        return str(exact)
    return str(int(exact)) if exact == exact.to_integral_value() else f"{exact:f}"


def judge_number(gold: Fraction, answer: str, nouns: Collection[str] = ()) -> Outcome:
    """Judges a number by its exact value; ``nouns`` as of :func:`parse_number`."""
    if len(answer) > MAX_CHARS:
        return Outcome.wrong(Reason.TOO_LONG, answer)
    value = parse_number(answer, nouns=nouns)
    if value is None:
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    return Outcome.right(answer) if value == gold else Outcome.wrong(Reason.WRONG_VALUE, answer)


def _sign(text: str) -> tuple[str, str]:
    if text[:1] in ("+", "-", "−"):
        return ("+" if text[0] == "+" else "-"), text[1:].lstrip(" ")
    return "", text


def _value(match: re.Match[str]) -> Fraction | None:
    def whole(text: str) -> int:
        """An integer with its thousands separators left out."""
        return int(text.replace(",", ""))

    if match["decimal"] is not None:
        return Fraction(match["decimal"].replace(",", ""))
    top, bottom = match["top"] or match["over"], match["bottom"] or match["under"]
    if whole(bottom) == 0:
        return None
    part = Fraction(whole(top), whole(bottom))
    if match["whole"] is None:
        return part
    return whole(match["whole"]) + part if part < 1 else None  # "10 20/1" is two numbers, not their sum


def _is_tail(tail: str, currency_before: bool, units: bool, nouns: Collection[str]) -> bool:
    """Whether what follows a number leaves its value alone."""
    if tail.endswith("."):
        tail = tail[:-1]
    tail = tail.strip(" ")
    if not tail or (len(tail) == 1 and tail in _CURRENCY and not currency_before):
        return True
    if tail.startswith("%"):
        return tail == "%" and not currency_before
    if "\n" in tail or tail.endswith("/"):
        return False
    per = " per " if currency_before else " "  # "$3/hour"; "km/h" is one unit
    return units and leaves_value(tail.replace("/", per).split(), currency_before, nouns)
