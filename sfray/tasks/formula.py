"""The text of a formula: taken out of its wrapping, evened out, and told from prose.

Text alone: whether two formulas are equal is :mod:`sfray.tasks.mathematics`' to say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from itertools import pairwise

from sfray.tasks.units import canonical, is_named, is_unit, leaves_value

MAX_DEPTH = 16
"""Deepest nesting of braces, and of parentheses."""

_WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
_DELIMITER = re.compile(r"(?<!\\)\\[()\[\]]|\\boxed")
_PRICE = re.compile(r"([-+−]? ?)\$(?= ?[0-9.])")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-z]+\*?\}(?:\{[lcr|]+\})?")
_TEXT = re.compile(r"\\(?:text|mbox|mathrm|textbf)\s*\{([^{}]*)\}")

_SIGNS = str.maketrans(
    {
        "°": r"^\circ ",
        "²": "^2",
        "³": "^3",
        "−": "-",
        "·": r"\cdot ",
        "⋅": r"\cdot ",
        "π": r"\pi ",
        "∞": r"\infty ",
        "∪": r"\cup ",
        "∩": r"\cap ",
        "∈": r"\in ",
    }
)
_ROOT = re.compile(r"√\s*(?:\{([^{}]*)\}|\(([^()]*)\)|([0-9]+(?:\.[0-9]+)?|[A-Za-z]|\\pi))")
_FRAMES = re.compile(r"\\!|\\(?:left|right)(?![A-Za-z])")
_THOUSANDS = re.compile(r"(?<=[0-9])\\[,;: ](?=[0-9]{3}(?![0-9]))")
# The line break of a matrix comes first: a space behind it is not to take half of it along.
_SPACES = re.compile(r"(\\\\)(?:\[[0-9.]+[a-z]{2}\])?|(?:\s|~|\\[,;: ]|\\q?quad(?![A-Za-z]))+")
_FRACTION = re.compile(r"(\\[dt]?frac) ?([0-9]) ?([0-9])")
_DEGREES = re.compile(r"\^ ?\{ ?\\circ ?\}")
_DIGITS = re.compile(r"\(([0-9][0-9A-Z]*)\)(?= ?_)")
_PI = re.compile(r"(?<![A-Za-z\\])pi(?![A-Za-z])")
_LOOSE = re.compile(r"(?<![0-9]) | (?![0-9])")

_GREEK = "alpha|beta|gamma|delta|epsilon|varepsilon|theta|lambda|mu|nu|xi|rho|sigma|tau|phi|varphi|psi|omega"
_QUANTITY = (
    "answer|result|area|perimeter|circumference|volume|length|width|height|radius|diameter|distance|side|angle|slope|sum"
    "|product|difference|quotient|remainder|ratio|total|probability|average|mean|median|mode|range|number|value|cost|price"
    "|speed|time|minimum|maximum"
)
_QUANTITIES = rf"(?:(?i:surface|total|average) )?(?i:{_QUANTITY})"
"""What a value may be called in words."""

_NAME = re.compile(
    rf"(?:[A-Za-z]|[A-Z]{{2}}|\|[A-Z]{{2}}\||(?:m ?)?\\angle ?\{{?[A-Z]{{1,3}}\}}?|\\overline ?\{{[A-Z]{{2}}\}}"
    rf"|\\(?:{_GREEK})|{_QUANTITIES}|\\(?:text|mathrm) ?\{{ ?{_QUANTITIES} ?\}})"
    r"(?:_(?:\{?\w+\}?|\{ ?\\(?:text|mathrm) ?\{\w+\} ?\}))?(?:\(-?[A-Za-z0-9]+(?:, ?-?[A-Za-z0-9]+)*\))?",
    re.ASCII,
)
_ELEMENT = re.compile(rf"{_NAME.pattern} ?\\in(?![A-Za-z]) ?", re.ASCII)
_VARIABLE = re.compile(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])")
_NUMBER = re.compile(r"([-+]?) ?(?:([0-9]+) ?)?\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}")

_CURRENCY = re.compile(r"([-+]?) ?\\?([$€£¥₹]) ?(?=[0-9.\\])")
_DEGREE, _POWER = r"(?: ?(?:\^\\circ|\\?%))?", r"(?:\^\{?[23]\}?)?"
_SAID = re.compile(rf"{_DEGREE}(?:[ /]*{_TEXT.pattern}{_POWER})* ?$")
_WRITTEN = re.compile(rf"{_DEGREE}(?:[ /]*(?<![A-Za-z\\])[A-Za-z]+\.?{_POWER})* ?$")

_WORD = re.compile(r"(?<![A-Za-z])(?!(?:arc(?:sin|cos|tan)|sinh|cosh|tanh|sqrt)(?![A-Za-z]))[A-Za-z]{4,}")
_ANY_WORD = re.compile(r"[A-Za-z]{2,}")
_TWO_NUMBERS = re.compile(r"[0-9]\s+[0-9]")
_MIXED = re.compile(r"(?<![0-9.^_])[0-9]+ ?\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}")
_BASE = re.compile(r"(?<=[0-9})])_ ?\{?([A-Za-z0-9]+)\}?")
_CHANGES = re.compile(r"'|\\[pb]?mod(?![A-Za-z])|\\prime(?![A-Za-z])|\\[lc]?dots(?![A-Za-z])|\.\.\.|…")
_JOINTS = {"and", "or"}
_OPERATOR = (
    "i{1,4}nt|oint|lim|limsup|liminf|sum|prod|coprod|[dt]?binom|choose|max|min|sup|inf|gcd|lcm|det|l?floor|l?ceil|Gamma"
)
_DIFFERENTIAL = r"\{ ?(?:d|\\partial|\\(?:mathrm|text)\{d\})"
_UNFINISHED = re.compile(
    rf"!|\\(?:{_OPERATOR})(?![A-Za-z])|(?<![A-Za-z\\])(?:{_OPERATOR})\}}? ?\\?[({{\[_]"
    rf"|{_DIFFERENTIAL}(?:\^ ?\{{?[0-9]+\}}?)?[^{{}}]*\}} ?{_DIFFERENTIAL} ?[A-Za-z]"
    r"|(?<![A-Za-z])d ?/ ?d[A-Za-z]|\\nabla|[vV]matrix"
)
_COUNTING = re.compile(r"!|\\[dt]?binom(?![A-Za-z])|\\choose(?![A-Za-z])")
_JOINT = re.compile(r"\\(?:text|mbox)\{ ?(?:and|or) ?\}|(?<= )(?:and|or)(?= )")
_RELATION = re.compile(r"[=<>≤≥]|\\(?:[lg]eq?(?:slant)?|[lg]t|ne)(?![A-Za-z])")
_BRACKETS = {"set": re.compile(r"\\\{(.*)\\\}"), "ordered": re.compile(r"[(\[](.*)[)\]]")}
_BRACKET = re.compile(r"\\?[{(\[]|\\?[})\]]|,")


def unwrap(answer: str) -> str | None:
    """The formula of an answer: without one pair of math delimiters, its ``\\boxed{}`` and a final period.

    A dollar sign that has no other and precedes a number is a price's. None when a
    delimiter is left inside or braces do not match: the answer then holds several
    formulas, and which one is meant is not for the verifier to choose.
    """
    text = answer.strip().removesuffix(".").rstrip()
    for opened, closed in _WRAPPERS:
        if len(text) > len(opened) + len(closed) and text.startswith(opened) and text.endswith(closed):
            text = text[len(opened) : -len(closed)].strip()
            break
    while (content := boxed(text)) and text == f"\\boxed{{{content[0]}}}":
        text = content[0].strip()
    if text.count("$") == 1 and _PRICE.match(text):
        text = text.replace("$", r"\$")
    if not text or "$" in text.replace(r"\$", "") or _DELIMITER.search(text) or not _balanced(text):
        return None
    return text


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
    """The contents of every complete ``\\boxed{…}`` that is not inside another, in order; linear."""
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
    """A formula with one way to write spaces, roots, degrees, pi and short fractions, without marks of thousands."""
    rooted = _ROOT.sub(lambda m: rf"\sqrt{{{m[m.lastindex or 0]}}}", formula.translate(_SIGNS))
    joined = _THOUSANDS.sub("", _FRAMES.sub("", rooted.replace("{,}", ",")))
    spaced = _DIGITS.sub(r"\1", _SPACES.sub(lambda m: m[1] or " ", joined)).strip()
    return _PI.sub(r"\\pi", _DEGREES.sub(r"^\\circ", _FRACTION.sub(r"\1{\2}{\3}", spaced)))


def plain(formula: str) -> str:
    """The text of a formula, without what does not show: spaces, except those that keep two numbers apart."""
    text = _LOOSE.sub("", _TEXT.sub(r"\1", formula))
    return text[1:-1] if re.fullmatch(r"\([A-Za-z]\)", text) else text


def named(formula: str) -> list[tuple[str, str]] | None:
    """The names and values of ``a = 3, b = 4``; None where it is anything else."""
    pairs = [part.partition("=") for part in _items(_JOINT.sub(",", formula))]
    if not pairs or not all(sign and "=" not in value and _NAME.fullmatch(name.strip()) for name, sign, value in pairs):
        return None
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def stated(formula: str) -> str | None:
    """What ``x = 42`` states, 42; None when what precedes the sign is no name."""
    name, _, value = formula.partition("=")
    return value.strip() if "=" not in value and _NAME.fullmatch(name.strip()) else None


def element(formula: str) -> str:
    r"""A set without the ``x \in`` before it."""
    return _ELEMENT.sub("", formula, count=1) if _ELEMENT.match(formula) else formula


def number_of(formula: str) -> str:
    r"""A formula as :mod:`sfray.tasks.numbers` would have it: ``1\frac{1}{2}`` is ``1 1/2``."""
    if match := _NUMBER.fullmatch(formula):
        return f"{match[1]}{match[2] or ''} {match[3]}/{match[4]}".strip()
    return formula.replace(r"\$", "$")


def words_of(formula: str) -> frozenset[str]:
    """The words of a formula in lower case: what a gold says of its own unit."""
    return frozenset(word.lower() for word in _ANY_WORD.findall(_COMMAND.sub(" ", _TEXT.sub(r" \1 ", formula))))


def measured(formula: str, letters: bool = True, known: Collection[str] = ()) -> tuple[str, tuple[str, ...]]:
    """The value of a formula, and its unit in one spelling, empty without a unit.

    Args:
        formula: An even one.
        letters: Whether the ``m`` of ``3m`` is a unit; it is a variable otherwise.
        known: The gold's own words, which are units also where no list has them.
    """
    price = _CURRENCY.match(formula)
    value, words = _parted(formula[price.end() :] if price else formula, letters)
    if not leaves_value(words, price is not None, known):
        return formula, ()
    if price:
        value, sign = price[1] + value, [price[2]]
        words = sign + (words[1:] if canonical(words[:1]) == canonical(sign) else words)
    return value, canonical(words)


def _parted(formula: str, letters: bool) -> tuple[str, list[str]]:
    """What a formula measures, and the words of what may be its unit."""
    for pattern in (_SAID, _WRITTEN):
        if (match := pattern.search(formula)) and match[0]:
            value, words = formula[: match.start()].rstrip(), _words(match[0])
            if not value or (pattern is _WRITTEN and not _may_follow(value, match[0], words[0], letters)):
                break
            return value, words
    return formula, []


def _words(unit: str) -> list[str]:
    spelt = _TEXT.sub(r" \1", unit).replace(r"^\circ", " ° ").replace("%", " percent ").replace("/", " per ")
    return re.sub(r"[\\{}]|(?<=[A-Za-z])\.| (?=\^)", "", spelt).split()


def _may_follow(value: str, unit: str, word: str, letters: bool) -> bool:
    r"""Whether a unit written without ``\text{}`` is one, and not a product of variables."""
    if re.search(r"(?:[0-9)}]|\\pi)$", value) is None:
        return False
    if len(word) >= 4 and unit.startswith(" "):
        return True
    alone = len(word.partition("^")[0]) == 1 and word != "°"
    return is_named(word) and (letters or not alone) and not has_variable(value)


def has_variable(formula: str) -> bool:
    """Whether a letter is alone in it."""
    return _VARIABLE.search(_COMMAND.sub(" ", formula)) is not None


def is_prose(formula: str) -> bool:
    r"""Whether a text is prose: empty, a word of four letters or more outside ``\text{}``, or two numbers side by side.

    A number beside a fraction of one or more is two numbers too.
    """
    words = _COMMAND.sub(" ", _ENVIRONMENT.sub(" ", _TEXT.sub(" ", formula)))
    if not formula or _TWO_NUMBERS.search(formula) is not None or _WORD.search(words) is not None:
        return True
    return any(int(over) >= int(under) for over, under in _MIXED.findall(formula))


def alters(formula: str, gold: str) -> bool:
    """Whether it differs from the gold in what the library passes over: bases, primes, moduli, dots, words."""
    if _BASE.findall(formula) != _BASE.findall(gold) or set(_CHANGES.findall(formula)) - set(_CHANGES.findall(gold)):
        return True
    told, said = ({text.strip() for text in _TEXT.findall(each)} for each in (formula, gold))
    missing = (
        set() if _TEXT.fullmatch(gold) else said - told - _JOINTS
    )  # the library does read text that is all there is
    known = words_of(gold)
    texts = missing | (told - said - (_JOINTS if "," in gold else set()))
    return not all(is_unit(word, known=known) for text in texts for word in text.split())


def restates(formula: str, gold: str) -> bool:
    """Whether something is left to be worked out that the gold has not: an integral, a factorial, an equation."""
    # Where there is a variable, n choose 2 is as far as it goes.
    finished = _COUNTING.sub("", formula) if has_variable(gold) else formula
    if _UNFINISHED.search(finished) and not _UNFINISHED.search(gold):
        return True
    if _RELATION.search(formula) is None or _RELATION.search(gold) is None or not _is_solved(gold):
        return False
    return not all(map(_is_solved, _items(_JOINT.sub(",", formula))))


def _is_solved(formula: str) -> bool:
    """Whether it is of numbers alone, or relates a name to such: ``2``, ``x = 2``, ``1 < x < 2``."""
    sides = [side.strip() for side in _RELATION.split(formula)]
    others = [side for side in sides if not _NAME.fullmatch(side)]
    return len(others) == max(1, len(sides) - 1) and not any(map(has_variable, others))


def confuses(formula: str, gold: str) -> bool:
    r"""Whether one is a set, as ``\{1, 2\}``, where the other is an ordered pair or an interval, as ``(1, 2)``.

    A list without brackets is either; of lists and sets, what they hold is looked at too.
    """
    (kind, items), (right, wanted) = contents(formula), contents(gold)
    if {kind, right} == _BRACKETS.keys():
        return True
    inner, asked = (Counter(contents(item)[0] for item in each) for each in (items, wanted))
    return all(inner[each] != asked[each] for each in _BRACKETS)


def contents(formula: str) -> tuple[str, list[str]]:
    """The kind of the brackets around a formula, empty for none, and what its commas part."""
    for kind, brackets in _BRACKETS.items():
        if (match := brackets.fullmatch(formula)) and (items := _items(match[1])) and (kind == "set" or len(items) > 1):
            return kind, items
    return "", _items(formula)


def _items(formula: str) -> list[str]:
    """What the commas outside all brackets part; nothing when brackets do not match."""
    depth, cuts = 0, [-1]
    for match in _BRACKET.finditer(formula):
        if match[0] != ",":
            depth += 1 if match[0][-1] in "{([" else -1
        elif depth == 0:
            cuts.append(match.start())
        if depth < 0:
            return []
    return [formula[a + 1 : b].strip() for a, b in pairwise([*cuts, len(formula)])]
