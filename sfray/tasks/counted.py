"""The nouns that a word problem counts, which may follow its answer: ``42 raspberries``.

The closed list of :mod:`sfray.tasks.nouns` cannot have them all. A question's own are safe: who asks how many
raspberries there are means what ``42 raspberries`` says. They are the words behind "how many", "how much",
"number of" and behind a number in the question, up to two at each place. What makes another number of the one before
it (``dozen``, ``million``, ``sixteenths``, ``M``) is not among them, whatever the question says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sfray.tasks.nouns import stem
from sfray.tasks.units import is_listed, is_unit

MAX_NOUNS = 20
"""Most nouns of a question that travel with its gold."""

_LEAST_LETTERS = 3
_PLACE = re.compile(
    r"(?:\bhow (?:many|much)|\bnumber of|(?<![\w.,$€£¥₹])[0-9][0-9,]*(?:\.[0-9]+)?) +([A-Za-z]+)(?: ([A-Za-z]+))?",
    re.IGNORECASE,
)
_OTHERS = """
    did does doing done will can may must shall has have had having been being the their there then they them these
    those she her hers him his you your our ours its who whose which what when where how why does all any some
    such every other others another both many much also only just still even ever already with without within
    into onto off out per because while during before since after upon get gets got make makes made give gives gave
"""
_NO_NOUNS = frozenset(_OTHERS.split())
"""What is often behind those places without being a noun."""


def counted(question: str) -> list[str]:
    """The nouns that a question counts, by their stems, without those that the closed lists have anyway."""
    found = (stem(word) for match in _PLACE.finditer(question) for word in _nouns(match))
    return list(dict.fromkeys(found))[:MAX_NOUNS]


def _nouns(match: re.Match[str]) -> Iterator[str]:
    """The words of one place that may be nouns: the second one only behind such a one, or behind one of the lists."""
    for word in filter(None, match.groups()):
        if not _may_count(word):
            return
        if not is_listed(word):
            yield word


def _may_count(word: str) -> bool:
    lowered = word.lower()
    singular = lowered.removesuffix("s")
    if len(word) < _LEAST_LETTERS or lowered in _NO_NOUNS:
        return False
    return is_unit(word, known={lowered}) and is_unit(singular, known={singular})
