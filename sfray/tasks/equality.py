"""Mathematical equality by ``math-verify``: what the worker of :mod:`sfray.tasks.mathematics` serves.

Imported by the worker alone, before its first call: the import is not on the call's bill.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify
from sympy import Expr, Symbol
from sympy.core.function import AppliedUndef

# The libraries log every formula they cannot read; that is an outcome here, not news.
for _library in ("math_verify", "latex2sympy2_extended"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)

DECIMALS = 12
"""To which an approximation must agree: the library's own 6 take 0.333333 for a third."""


WARM = (
    r"\sin(x)+\frac{\sqrt{3}}{2}-1",
    r"x^{y^{2}}y",
    r"\log_{2}(x)",
    r"(x+1)(x-2)",
    "|x+1|",
    "(1,2,3)",
    r"[0,1)\cup(2,\infty)",
    r"\{1,2\}",
    "x = 1",
    r"\begin{pmatrix}1 & 2\\3 & 4\end{pmatrix}",
)
"""What is read before the first call: the library's parser is slow at what it reads for the first time."""

POINTS = (0.7390851332, 1.3247179573)
"""Where two formulas with variables are tried out; positive, where roots and logarithms are real."""

APART = 1e-9
"""Values that differ by more, relative to their size, are no approximations of each other."""

CACHED = 4_096
"""Formulas, and comparisons, that are remembered: the answers of a group share their gold, and many are alike."""


@lru_cache(maxsize=CACHED)
def compare(gold: str, answer: str | None) -> str:
    """Compares two formulas; without an answer it only reads the gold.

    Returns:
        ``equal``, ``different``, or ``unreadable`` when one of them cannot be parsed.
    """
    read = [_parse(text) for text in (gold, answer) if text is not None]
    if not all(read):
        return "unreadable"
    if answer is None:
        return "equal"
    if "%" not in gold + answer and are_apart(read[0][0], read[1][0]):
        return "different"
    return "equal" if verify(read[0], read[1], float_rounding=DECIMALS, timeout_seconds=None) else "different"


def are_apart(one: Any, other: Any) -> bool:
    """Whether two expressions have clearly different values somewhere, so that no simplification makes them equal.

    A hundredth of the time that the library takes to find no way from one to the other. Anything but
    plain expressions, single symbols, values that are no numbers and values close to each other are left to it.
    """
    if not all(isinstance(e, Expr) and not isinstance(e, Symbol) and not e.atoms(AppliedUndef) for e in (one, other)):
        return False
    return any(abs(a - b) > APART * max(1.0, abs(a), abs(b)) for a, b in _values(one, other))


def _values(one: Expr, other: Expr) -> Iterator[tuple[complex, complex]]:
    """The values of both at each point where both have one."""
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    for point in POINTS if symbols else POINTS[:1]:
        places = {symbol: point + 0.1234567 * number for number, symbol in enumerate(symbols)}
        values = [each.evalf(20, subs=places) for each in (one, other)]
        if all(value.is_number and value.is_finite for value in values):
            yield complex(values[0]), complex(values[1])


@lru_cache(maxsize=CACHED)
def _parse(formula: str) -> list[Any]:
    # A boxed formula is read as a whole: nothing is picked out of prose.
    whole = [LatexExtractionConfig(boxed_match_priority=0)]
    return parse(f"\\boxed{{{formula}}}", whole, "no_fallback", "first_match", parsing_timeout=None)  # type: ignore[arg-type]


def _warm() -> None:
    for formula in WARM:
        _parse(formula)
    compare("x^2-1", "(x-1)(x+1)")


_warm()
