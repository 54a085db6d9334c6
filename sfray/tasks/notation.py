r"""Other ways to write the same answer, brought to the one that the rest of the verifier reads.

Text alone, like :mod:`sfray.tasks.formula`, and nothing here works anything out but a
repeating decimal.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

_SPELLINGS = (
    (re.compile(r"\\(?:display|text|script)style(?![A-Za-z])\s*"), ""),
    (re.compile(r"_\s*\{\s*\\text\s*\{\s*([0-9]+)\s*\}\s*\}"), r"_{\1}"),
    (re.compile(r"(?:\^\s*)?(?:\{\s*\\(?:text)?degree\s*\}|\\(?:text)?degree(?![A-Za-z]))"), r"^\\circ "),
    (re.compile(r"\\cfrac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\{([^{}]+?)\s*\\over(?![A-Za-z])\s*([^{}]+)\}"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\(?:textnormal|textrm|textit|textsf)(?=\s*\{)"), r"\\text"),
    (re.compile(r"\\(?:mathbf|boldsymbol|bm|mathit)\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\mathrm\s*\{\s*([A-Za-z])\s*\}(?! ?[\^/])(?!$)|(?<![0-9\s])\\mathrm\s*\{\s*(e|i)\s*\}"), r"\1\2"),
    (re.compile(r"(?<=[0-9]),\\!\s*(?=[0-9]{3}(?![0-9]))"), ","),
    (re.compile(r"!=|≠|\\neq(?![A-Za-z])"), r"\\ne "),
    (re.compile(r"<=|≤|\\leq(?:slant)?(?![A-Za-z])"), r"\\le "),
    (re.compile(r">=|≥|\\geq(?:slant)?(?![A-Za-z])"), r"\\ge "),
    (re.compile(r"∅|\\varnothing(?![A-Za-z])|\\\{\s*\\\}"), r"\\emptyset"),
    (re.compile(r"(?:\^|\*\*) ?(-[0-9]+)|\*\* ?([0-9]+|[A-Za-z])(?![0-9A-Za-z]|\s*(?:\^|\*\*))"), r"^{\1\2}"),
    (re.compile(r"(?<=[0-9)}])\s*(?:\*|·|⋅|×|\\(?:cdot|times)(?![A-Za-z]))\s*i(?![A-Za-z])"), "i"),
)
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_QUOTIENT = re.compile(r"(-?)\((-?[0-9]+)\) ?/ ?\(([0-9]+)\)")
_BOLD = re.compile(r"\*\*([^*]+)\*\*|__([^_]+)__")
_REPEATING = re.compile(r"(-?)([0-9]*)\.([0-9]*)\\(?:overline|bar) ?\{?([0-9]+)\}?")
_ANGLES = re.compile(r"\\langle(.*)\\rangle ?")
_COLUMN = re.compile(r"\\begin\{([pb])matrix\}([^&]*)\\end\{\1matrix\}")
_PAIR = re.compile(r"\(.*,.*\)")

_END = r"(-?(?:[0-9./]+|\\[A-Za-z]+(?:\{[^{}]*\})*|\{[^{}]*\}| ?\+? ?\\infty)+)"
_LESS, _MORE = r"(<|\\lt(?![A-Za-z])|\\le(?![A-Za-z]))", r"(>|\\gt(?![A-Za-z])|\\ge(?![A-Za-z]))"
_VAR = r"(?:[A-Za-z]|\\theta)"
_BETWEEN = re.compile(rf"{_END} ?{_LESS} ?{_VAR} ?{_LESS} ?{_END}")
_ABOVE, _BELOW = re.compile(rf"{_VAR} ?{_MORE} ?{_END}"), re.compile(rf"{_VAR} ?{_LESS} ?{_END}")
_INTERVAL = re.compile(r"[(\[][^()\[\]]*,[^()\[\]]*[)\]]")


def undressed(answer: str) -> str:
    """An answer without the bold marks of Markdown around it."""
    match = _BOLD.fullmatch(answer.strip())
    return (match[1] or match[2]) if match else answer


def respelt(text: str) -> str:
    """A formula with one spelling of relations, of the empty set, of text commands and of negative exponents."""
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return _VULGAR.sub(_fraction, text)


def _fraction(sign: re.Match[str]) -> str:
    """A fraction that is one character, in two."""
    over, _, under = unicodedata.normalize("NFKC", sign[0]).partition("⁄")
    return rf"\frac{{{over}}}{{{under}}}"


def unbracketed(formula: str) -> str:
    """A formula without brackets that change nothing: around all of it, or around both sides of a quotient of numbers.

    One pair is taken off: several are as hard to read for us as for the library. Brackets with a comma inside are
    those of a tuple or an interval.
    """
    if _encloses(formula):
        formula = formula[1:-1].strip()
    if (match := _QUOTIENT.fullmatch(formula)) and match[1] + match[2][0] != "--":
        return f"{match[1]}{match[2]}/{match[3]}"
    return formula


def _encloses(formula: str) -> bool:
    """Whether the first character opens a bracket that only the last one closes, with no comma inside."""
    if len(formula) < 3 or formula[0] + formula[-1] not in ("()", "{}") or formula[-2] == "\\" or "," in formula:
        return False
    opened, closed = formula[0], formula[-1]
    depth = 0
    for at, character in enumerate(formula):
        depth += (character == opened) - (character == closed)
        if depth == 0:
            return at == len(formula) - 1
    return False


def repeating(formula: str) -> str:
    r"""``0.\overline{3}`` as a fraction; any other formula as it is."""
    match = _REPEATING.fullmatch(formula)
    if match is None:
        return formula
    sign, whole, start, period = match.groups()
    scale = 10 ** len(start)
    value = Fraction(int(whole or 0)) + Fraction(int(start or 0), scale)
    value += Fraction(int(period), scale * (10 ** len(period) - 1))
    return f"{sign}{value.numerator}/{value.denominator}" if value.denominator > 1 else f"{sign}{value.numerator}"


def as_gold(formula: str, gold: str) -> str:
    """An answer in the notation of its gold: relations for an interval, a column or angle brackets for a tuple."""
    if _INTERVAL.fullmatch(gold) and (interval := _interval(formula)):
        return interval
    if not _PAIR.fullmatch(gold):
        return formula
    if match := _ANGLES.fullmatch(formula):
        return f"({match[1]})"
    if match := _COLUMN.fullmatch(formula):
        return f"({','.join(row.strip() for row in match[2].split(chr(92) * 2))})"
    return formula


def _interval(formula: str) -> str | None:
    if match := _BETWEEN.fullmatch(formula):
        low, first, second, high = match.groups()
        return f"{'[' if 'le' in first else '('}{low},{high}{']' if 'le' in second else ')'}"
    if match := _ABOVE.fullmatch(formula):
        return rf"{'[' if 'ge' in match[1] else '('}{match[2]},\infty)"
    if match := _BELOW.fullmatch(formula):
        return rf"(-\infty,{match[2]}{']' if 'le' in match[1] else ')'}"
    return None
