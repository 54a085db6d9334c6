r"""Which formulas cost too much to compare: nested deeply, with towers of powers, or with factorials of large numbers.

The library's parser takes twice as long for each level of nesting, and SymPy works
powers of numbers out to the last digit. No published gold comes near these limits.
"""

from __future__ import annotations

import re

MAX_WEIGHT = 6
"""Deepest nesting of brackets; the bracket of a power or a function counts twice."""

MAX_BARS = 8
MAX_SIGNS = 40
"""Most operators in one formula."""

MAX_FUNCTIONS = 8
MAX_JOINS = 5
MAX_ITEMS = 30
MAX_BRACKETS = 20
MAX_POWER_DIGITS = 4
MAX_FACTORIAL_DIGITS = 3
MAX_NUMBER_DIGITS = 100

_OPENED = re.compile(
    r"((?:\^|\*\*) ?(?:\\left)? ?|\\(?:a?r?c?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|exp)"
    r"(?:[_^](?:[^\s{]|\{[^{}]*\}))? ?(?:\\left)? ?)?"
    r"\\?[{(\[]|\\?[})\]]"
)
_POWER = r"(?:\^|\*\*)[\s{(]*-?"
_COSTLY = re.compile(
    rf"{_POWER}[0-9.,]{{{MAX_POWER_DIGITS + 1}}}"  # 2^{100000}
    rf"|{_POWER}[0-9]+\s?(?:\^|\*\*)[\s{{(]*(?:[0-9]{{2}}|[4-9])"  # 9^{9^9}
    r"|(?:(?:\^|\*\*)\s?[{(]\s?[\w\\.]{0,6}\s?){2}(?:\^|\*\*)"  # x^{x^{x^x}}
    rf"|[0-9]{{{MAX_FACTORIAL_DIGITS + 1}}}[\s)}}]*!|![\s)}}]*!"  # 99999! and (10!)!
    r"|binom ?\{?[0-9]{4}"
    r"|[-+][^()]{0,40}[-+][^()]{0,40}\) ?\^ ?\{?[0-9]{2}"  # (x+y+z)^{40}
    r"|\\(?:sin|cos|tan)[^\\,]{0,6}[0-9] ?\^ ?\{?[0-9]{2}"  # \sin(10^{50})
    r"|\{\{\{|(?:\( ?){3}|(?:\[ ?){3}"
    rf"|[0-9]{{{MAX_NUMBER_DIGITS + 1}}}"
    r"|(?:\^ ?\w ?){2}|(?:[-+] ?){6}"
    r"|(?:/[^/+=,]{0,9}){4}"  # x/x/x/x/x
)
_FUNCTION = re.compile(
    r"\\(?:a?r?c?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|lg|exp|sqrt|binom)(?![A-Za-z])|[a-z]\(|!|\be\^"
)
_JOIN = re.compile(r"\\(?:big)?(?:cup|cap)(?![A-Za-z])|\\setminus(?![A-Za-z])")
_SIGN = re.compile(r"[-+*/^=<>_!'%|]|\\(?:pm|mp|cdot|times|div|[dt]?frac|sqrt|cup|cap|circ)(?![A-Za-z])")


def is_costly(formula: str) -> bool:
    """Whether comparing a formula could take the library longer than an answer is worth; linear."""
    return (
        _weight(formula) > MAX_WEIGHT
        or formula.count("|") > MAX_BARS
        or formula.count(",") > MAX_ITEMS
        or sum(map(formula.count, "{([")) > MAX_BRACKETS
        or len(_SIGN.findall(formula)) > MAX_SIGNS
        or len(_JOIN.findall(formula)) > MAX_JOINS
        or len(_FUNCTION.findall(formula)) > MAX_FUNCTIONS
        or _COSTLY.search(formula) is not None
    )


def _weight(formula: str) -> int:
    """The deepest nesting of brackets, by weight."""
    open_weights: list[int] = []
    depth = deepest = 0
    for match in _OPENED.finditer(formula):
        if match[0][-1] in "{([":
            open_weights.append(2 if match[1] else 1)
            depth += open_weights[-1]
            deepest = max(deepest, depth)
        elif open_weights:
            depth -= open_weights.pop()
    return deepest
