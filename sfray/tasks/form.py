r"""The form of an answer: whether it answers the question, or only hands it back.

The question's own formulas travel with the gold (``asked``), so that "simplify X" is not
answered by X.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from sfray.tasks.formula import contents, named
from sfray.tasks.numbers import parse_number

MAX_ASKED = 40
"""Most formulas of a question that travel with its gold."""

MORE = 3
"""An answer with more than so many times the gold's commas and joints, and as many more, is no rewriting of it."""

_MATH = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_LETTER = re.compile(r"(?<![A-Za-z])[A-Za-z]+(?![A-Za-z])")
_ONE_LETTER = re.compile(r"[A-Za-z]")
_FLAT = re.compile(r"[\s{}]|\\(?:left|right|cdot|times|dfrac|tfrac|displaystyle|[,;:! ])(?![A-Za-z])|\*")
_SIGNS = {
    "+": r"\+",
    "-": r"(?<=[\w)}\s])-",
    "*": r"\*|\\cdot(?![A-Za-z])|\\times(?![A-Za-z])|\) ?\(",
    "/": r"/|\\[dt]?frac(?![A-Za-z])|\\div(?![A-Za-z])",
    "^": r"\^|\*\*",
    "root": r"\\sqrt(?![A-Za-z])|√",
    "function": r"\\(?:sin|cos|tan|cot|sec|csc|log|ln|exp|arc[a-z]{3})(?![A-Za-z])",
    "bars": r"\|",
    "factorial": r"!",
}
_NUMERAL = re.compile(
    r"-?[0-9][0-9,]*(?:\.[0-9]+)?(?: ?(?:\\times|\\cdot|\*) ?10)?\^(?:\{-?[0-9]+\}|[0-9])"
    r"|-?\\[dt]?frac\{-?[0-9]+\}\{-?[0-9]+\}|-?[0-9]+/[0-9]+"
)
_JOIN = re.compile(r"\\(?:cup|cap|setminus|bigcup|bigcap)(?![A-Za-z])")
_SET_LIKE = re.compile(rf"{_JOIN.pattern}|[\[(].*,.*[\])]|\\\{{|\\(?:infty|emptyset|mathbb)(?![A-Za-z])")
_OPEN_COUNT = re.compile(
    rf"{_JOIN.pattern}|\\(?:pm|mp|[lc]?dots|text|mbox|begin|mathbb|emptyset|in)(?![A-Za-z])|\.\.\.|…|±|[=<>]| and | or "
)
_SEPARATOR = re.compile(rf",|{_JOIN.pattern}|\\(?:pm|mp|text)(?![A-Za-z])|±| and | or ")
_WORDS = re.compile(r"\\(?:text|mathrm|mbox|operatorname|begin|end)\*?\s*\{[^{}]*\}(?:\{[lcr|]+\})?")
_SHORT = frozenset({"ln", "lg", "tg", "or", "pi", "Re", "Im"})
_PRIMES = re.compile(r"'+|(?:\\prime ?)+")
_RELATION = re.compile(r"=|[<>]|\\(?:le|ge|ne|lt|gt)(?![A-Za-z])")


def asked(question: str) -> list[str]:
    """The formulas of a question, and the sides of its equations, as flat text."""
    found: dict[str, None] = {}
    for match in _MATH.finditer(question):
        formula = next(group for group in match.groups() if group is not None)
        for part in (formula, *formula.split("=")):
            found[flat(part)] = None
    return [text for text in found if len(text) > 1][:MAX_ASKED]


def flat(formula: str) -> str:
    """A formula without what does not show, and without signs of multiplication."""
    return _FLAT.sub("", formula.replace(r"\dfrac", r"\frac").replace(r"\tfrac", r"\frac")).strip(".,;")


def hands_back(formula: str, gold: str, questions: Sequence[str]) -> bool:
    """Whether an answer is a formula of the question that is made of other parts than the gold."""
    text = flat(formula)
    return text in questions and text != flat(gold) and _parts(formula) != _parts(gold)


def leaves_work(formula: str, gold: str) -> bool:
    r"""Whether an operation is left where the gold is a plain number: ``6*7``, ``\sqrt{1764}``, ``36/2`` for 18.

    A power, a product with a power of ten and a fraction are notations of a number.
    """
    right = parse_number(gold, units=False)
    if right is None:
        return False
    value = parse_number(formula, units=False)
    if value is not None:
        return value == right and right.denominator == 1 and " " not in formula and "/" in formula
    return (
        "," not in re.sub(r"(?<=[0-9]),(?=[0-9]{3})", "", formula)
        and _NUMERAL.fullmatch(formula) is None
        and bool(_operations(formula))
    )


def percent_of(value: Fraction, right: Fraction) -> bool:
    """Whether a percentage is the gold, as 75 or as 3/4."""
    return right in (value, value / 100)


def respells(formula: str, gold: str) -> bool:
    """Whether a variable is written in the other case: ``X`` is not ``x``."""
    said, told = (set(_LETTER.findall(_COMMAND.sub(" ", each))) for each in (formula, gold))
    said, told = set("".join(said)), set("".join(told))
    return any(letter.swapcase() in told for letter in said - told)


def derives(formula: str, gold: str) -> bool:
    """Whether other derivatives are written: ``f'(x)`` is not ``f''(x)``."""
    orders = (
        {len(run.replace(r"\prime", "'").replace(" ", "")) for run in _PRIMES.findall(e)} for e in (formula, gold)
    )
    return next(orders) != next(orders)


def repeats(formula: str, gold: str) -> bool:
    """Whether a set or a list names something twice that the gold names once."""
    (kind, items), (_, wanted) = contents(formula), contents(gold)
    if kind == "ordered":
        return False
    said, told = (Counter(flat(item) for item in each) for each in (items, wanted))
    return len(items) > 1 and max(said.values()) > max(told.values(), default=1)


def unordered(formula: str, gold: str) -> bool:
    """Whether it is a list without brackets where the gold is an ordered pair."""
    return contents(gold)[0] == "ordered" and not contents(formula)[0] and len(contents(formula)[1]) > 1


def brings_in(formula: str, gold: str) -> bool:
    """Whether a formula uses variables that the gold lacks, or a union or intersection where the gold is no set.

    Such a formula equals the gold only if those cancel out, and then it is not simplified.
    """
    if _RELATION.search(formula) or _RELATION.search(gold) or r"\text" in gold:
        return False
    if _JOIN.search(formula) and not _SET_LIKE.search(gold):
        return True
    told, said = _variables(gold), _variables(formula)
    return bool(said - told) and (bool(told) or _SET_LIKE.search(gold) is None)


def lacks_sets(formula: str, gold: str) -> bool:
    """Whether the gold joins sets and the answer is neither a set, nor a list, nor a relation that describes one."""
    if not _JOIN.search(gold) or "," in formula:
        return False
    return not (_SET_LIKE.search(formula) or _RELATION.search(formula) or r"\text" in formula)


def _variables(formula: str) -> set[str]:
    """Letters that may be variables: e and i are numbers, words of three letters or more are names of functions."""
    bare = _COMMAND.sub(" ", _WORDS.sub(" ", formula))
    return {letter for run in _LETTER.findall(bare) if len(run) < 3 and run not in _SHORT for letter in run} - {
        "e",
        "i",
    }


def miscounts(formula: str, gold: str) -> bool:
    r"""Whether it lists more or fewer things than the gold.

    ``\pm`` is two, and a union may be a list of any length, within reason.
    """
    if len(_SEPARATOR.findall(formula)) > MORE * len(_SEPARATOR.findall(gold)) + MORE:
        return True
    if any(_OPEN_COUNT.search(each) for each in (formula, gold)):
        return False
    return len(contents(formula)[1]) != len(contents(gold)[1])


def values(formula: str, gold: str) -> str | None:
    """What ``x = 1, x = 2`` or ``x = 3, y = 4`` states: a list, or a tuple where the gold is one.

    None where it states nothing, or where the order of its names does not say which value comes first.
    """
    pairs = named(formula)
    if pairs is None:
        return None
    names, joined = [name for name, _ in pairs], ",".join(value for _, value in pairs)
    if len(set(names)) == 1:
        return joined
    if names != sorted(set(names)):
        return None
    return f"({joined})" if contents(gold)[0] == "ordered" else joined


def of_tuple(formula: str, gold: str, questions: Sequence[str]) -> str | None:
    """What ``(x, y) = (1, 2)`` states for a tuple; None where it is anything else.

    The names are those of the question, in its order, or letters in the order of the alphabet.
    """
    names, _, value = formula.partition("=")
    (kind, listed), (told, items) = contents(names.strip()), contents(gold)
    if kind != "ordered" or told != "ordered" or len(listed) != len(items) or r"\infty" in gold or "=" in value:
        return None
    alphabetical = all(map(_ONE_LETTER.fullmatch, listed)) and listed == sorted(set(listed))
    return value.strip() if alphabetical or flat(names) in questions else None


def by_name(formula: str, gold: str) -> tuple[str, str] | None:
    """Answer and gold as tuples in the order of the gold's names, where the gold names several values.

    Values without names are taken in the gold's order.
    """
    told = named(gold)
    if told is None or len(dict(told)) < 2 or len(dict(told)) != len(told):
        return None
    said = named(formula)
    if said is None:
        items = contents(formula)[1]
    else:
        items = [dict(said).get(name, "") for name, _ in told] if len(said) == len(told) else []
    return f"({','.join(items)})", f"({','.join(value for _, value in told)})"


def in_order(formula: str, gold: str) -> tuple[str, str] | None:
    """Answer and gold as tuples, where the answer is one and the gold is a list without brackets."""
    (kind, _), (told, items) = contents(formula), contents(gold)
    if kind != "ordered" or told or len(items) < 2 or parse_number(gold, units=False) is not None:
        return None
    return formula, f"({gold})"


def is_idle(formula: str, gold: str) -> bool:
    """Whether it is a relation that says nothing, ``0 = 0`` or ``y = y``, for a gold that is one."""
    if not _RELATION.search(gold):
        return False
    sides = [flat(side) for side in _RELATION.split(formula)]
    return len(sides) > 1 and (len(set(sides)) == 1 or not any(map(_LETTER.search, sides)))


def _operations(formula: str) -> Counter[str]:
    counts = {name: len(re.findall(pattern, formula.strip())) for name, pattern in _SIGNS.items()}
    return +Counter(counts)


def _parts(formula: str) -> tuple[Counter[str], Counter[str]]:
    """Operations, and the numbers and letters that they join."""
    return _operations(formula), Counter(re.findall(r"[0-9]+|[A-Za-z]", _COMMAND.sub(" ", formula)))
