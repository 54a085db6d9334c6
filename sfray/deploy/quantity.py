"""Quantities as Kubernetes writes them: ``4``, ``500m``, ``96Gi``, ``1e9``."""

from __future__ import annotations

import re
from fractions import Fraction

_TEXT = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?")

_FACTORS = {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
_FACTORS |= {letter: Fraction(1000) ** power for power, letter in enumerate("kMGTPE", 1)}
_FACTORS |= {letter: Fraction(1000) ** -power for power, letter in enumerate("mun", 1)}


def quantity(value: object) -> Fraction | None:
    """The number that a quantity means; None for anything else.

    Example:
        >>> quantity("500m"), quantity("2Gi") == 2**31, quantity("many")
        (Fraction(1, 2), True, None)
    """
    found = _TEXT.fullmatch(str(value))
    if found is None or isinstance(value, bool):
        return None
    unit = found[2] or ""
    if unit[:1] in ("e", "E") and len(unit) > 1 and unit != "Ei":
        return Fraction(found[1]) * Fraction(10) ** int(unit[1:])
    return Fraction(found[1]) * _FACTORS.get(unit, Fraction(1))
