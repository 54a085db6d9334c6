"""Mathematical equality by ``math-verify``: what the worker of :mod:`sfray.tasks.mathematics` serves.

Imported by the worker alone, before its first call: the import is not on the call's bill.
"""

from __future__ import annotations

import logging
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify

# The library logs every formula it cannot read; that is an outcome here, not news.
logging.disable(logging.CRITICAL)

DECIMALS = 12
"""To which an approximation must agree: the library's own 6 take 0.333333 for a third."""


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
    return "equal" if verify(read[0], read[1], float_rounding=DECIMALS, timeout_seconds=None) else "different"


def _parse(formula: str) -> list[Any]:
    # A boxed formula is read as a whole: nothing is picked out of prose.
    whole = [LatexExtractionConfig(boxed_match_priority=0)]
    return parse(f"\\boxed{{{formula}}}", whole, "no_fallback", "first_match", parsing_timeout=None)  # type: ignore[arg-type]
