"""What may follow a number without changing it: units, and the nouns of word problems.

Both are closed lists, here and in :mod:`sfray.tasks.nouns`; a word that is on neither passes only
where the gold has it too or the question counts it (:mod:`sfray.tasks.counted`), and even there
what makes another number of it (``million``, ``sixteenths``, ``doubled``), offers a choice (``or``,
``to``, ``versus``), takes it back (``not``, ``wrong``, ``maybe``) or is a number itself does not.
Single letters pass when they are units: ``3 m`` is a length, ``3 y`` a product. Behind an amount of
money stand only the currency's name and what it is paid for (``$3 per hour``), since ``$3M`` is not
3.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sfray.tasks.nouns import BESIDE, NOUNS, stem

MAX_WORDS = 3

_WORD = re.compile(r"[A-Za-z°][A-Za-z²³°]*(?:\^[23])?")
_POWER = re.compile(r"[\^²³]")
_LETTERS = frozenset("acfghjlmnstvw°" + "ACFJLNVW")
"""Single letters, in the case that makes them units: 18M and 18T are a million and a trillion."""

_FRACTION = re.compile(r"[a-z]*(?:illi[ao]rd|illion|teen|thousand|hundred|[a-z]ieth)(?:th)?s?", re.IGNORECASE)
"""Names of large numbers and of parts: ``trillionth``, ``sixteenths``, ``fiftieth``."""
_MONEY = re.compile(r"(?:us|usd|eur|gbp|dollars?|euros?|pounds?|rupees?|yen|cents?)", re.IGNORECASE)
_RATE = re.compile(r"(?:per|each|every|an?)", re.IGNORECASE)
_SPELLINGS = """
    mm millimeter millimetre
    cm centimeter centimetre
    m meter metre
    km kilometer kilometre
    in inch
    ft foot feet
    yd yard
    mi mile
    mg milligram
    g gram gm
    kg kilogram kilo
    oz ounce
    lb pound £ gbp
    t ton tonne
    ml milliliter millilitre
    l liter litre
    gal gallon
    s second sec
    min minute
    h hour hr
    day
    yr year
    am
    pm
    ° degree deg
    c celsius
    f fahrenheit
    j joule
    n newton
    w watt
    percent pct
    $ dollar usd
    cent
    € euro eur
    ¥ yen
    ₹ rupee rs
    unit
    man men
    th st nd rd
"""
"""One unit a line, by its name and what else it is called."""

_LONE = frozenset("ghlmstL°")
_RAISED = frozenset({"mm", "cm", "m", "km", "in", "ft", "yd", "mi", "unit"})
"""What is squared and cubed: lengths; of times, seconds behind a ``per``."""

_POWERS = {"square": "^2", "sq": "^2", "cubic": "^3", "cu": "^3"}
_RATES = {"mph": "mi per h", "kph": "km per h", "kmh": "km per h", "mps": "m per s"}
_CHANGE = """
    hundred hundreds thousand thousands million millions billion billions trillion trillions dozen dozens score scores
    gross lakh lakhs crore crores grand mil mn bn tn half halves halved third thirds quarter quarters fourth fourths
    fifth fifths sixth sixths seventh sevenths eighth eighths ninth ninths tenth tenths eleventh elevenths twelfth
    twelfths twentieth twentieths hundredth hundredths thousandth thousandths millionth millionths double doubled triple
    tripled twice thrice times time squared cubed factorial root pi mod modulo by plus minus over under above below
    point dot negative less more fewer
"""
_CHOICE = """
    and or nor either neither to till until through versus vs from between among except but than instead unless if then
    else
"""
_DOUBT = """
    not no never none nothing wrong incorrect false maybe perhaps possibly probably likely about around
    approximately roughly almost nearly nope nah nay yes yeah yep yup ok okay sure unsure unknown unclear
    undefined error null nan invalid true correct guess guessed idk hmm oops sorry wait actually is isn are aren
    was wasn were be might could would should cannot
"""
_NUMBER = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
"""
_REFUSED = frozenset((_CHANGE + _CHOICE + _DOUBT + _NUMBER).split())


def _stem(word: str) -> str:
    """A word in lower case without its plural, and without a final e, which ``inches`` has and ``inch`` has not."""
    return word.lower() if len(word) < 3 else word.lower().removesuffix("s").removesuffix("e")


_NAMES = {_stem(word): line.split()[0] for line in _SPELLINGS.strip().splitlines() for word in line.split()}


def is_named(word: str) -> bool:
    """Whether a word is a unit by name, and not just any noun; ``m`` is one, ``x`` is not."""
    name = word.partition("^")[0]
    return name in _LONE if len(name) == 1 else _stem(name) in _NAMES or name.lower() in _POWERS | _RATES


def canonical(words: Sequence[str]) -> tuple[str, ...]:
    """The unit that some words name, in one spelling: ``square centimeters`` is ``cm^2``."""
    named, power = [], ""
    for word in " ".join(_RATES.get(each.lower(), each) for each in words).split():
        name, raised, exponent = word.partition("^")
        if name.lower() in _POWERS:
            power = _POWERS[name.lower()]
            continue
        stem = "per" if _RATE.fullmatch(name) else _stem(name)
        named.append(_NAMES.get(stem, stem) + (raised + exponent or power))
        power = ""
    return (*named, power) if power else tuple(named)


def agree(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two canonical units may be of one quantity.

    Units by name must be the same. Nouns need one in common: ``red marbles`` are marbles.
    ``square units`` are whatever the other says.
    """
    names = {word.partition("^")[0] for word in (*one, *other)}
    if list(one) == list(other) or "unit" in names:
        return True
    return not names <= {*_NAMES.values(), "per"} and not set(one).isdisjoint(other)


def is_listed(word: str) -> bool:
    """Whether a word is on one of the closed lists, in any number and case."""
    bare = _POWER.split(word)[0].removeprefix("°")
    name = bare.lower()
    if (
        is_named(bare)
        or (word.startswith("°") and name in _NAMES)
        or name in BESIDE
        or _RATE.fullmatch(name)
        or _MONEY.fullmatch(name)
    ):
        return True
    return name in NOUNS or stem(name) in NOUNS


def is_unit(word: str, before: str = "", known: Collection[str] = ()) -> bool:
    """Whether a word leaves the number before it alone.

    Args:
        word: One word, with its power if it has one.
        before: The word before it.
        known: Words in lower case, or their stems, that need not be on the lists: the gold's own.
    """
    lowered, name = word.lower(), _POWER.split(word)[0]
    if name != word and _NAMES.get(_stem(name)) not in (_RAISED | {"s"} if _RATE.fullmatch(before) else _RAISED):
        return False
    if len(word) == 1:
        return word in _LETTERS
    if _WORD.fullmatch(word) is None or lowered in _REFUSED or _FRACTION.fullmatch(word):
        return False
    return lowered in known or stem(word) in known or is_listed(word)


def leaves_value(words: Sequence[str], money: bool, known: Collection[str] = ()) -> bool:
    """Whether the words behind a number leave its value alone.

    Args:
        words: Without white space and slashes; a slash reads as ``per``.
        money: Whether a currency sign precedes the number.
        known: The gold's own words, as of :func:`is_unit`.
    """
    if len(words) > MAX_WORDS or not all(is_unit(w, b, known) for w, b in zip(words, ("", *words), strict=False)):
        return False
    if not money or not words:
        return True
    rest = words[1:] if _MONEY.fullmatch(words[0]) else words
    return not rest or (len(rest) > 1 and _RATE.fullmatch(rest[0]) is not None)
