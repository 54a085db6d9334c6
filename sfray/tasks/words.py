"""English words: one list for making questions and for judging answers.

The list is the English one of the package ``pyspellchecker`` (MIT licence), pinned by
the project's lock file: lower-case words with inflected forms and how often each occurs in a
corpus of subtitles. Kept are those of ASCII letters only that are no proper names
(:func:`is_proper`): the source is in small letters throughout and does not tell them, so they are
told by a dictionary that does, and ship as ``proper_names.txt``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Set
from functools import cache
from pathlib import Path

from sfray.tasks.outcome import Outcome, Reason

COMMON = 1_000
"""Occurrences from which a word is common enough to build a question on. Judging takes all words."""

MAX_CHARS = 64
_WORD = re.compile(r"[A-Za-z]+")


PROPER_NAMES = Path(__file__).with_name("proper_names.txt")
"""The words of the source that are proper names, sorted, one a line."""

_ENDINGS = ("s", "es", "d", "ed", "r", "er", "rs", "ers", "ing", "ly", "y")


@cache
def frequencies() -> Mapping[str, int]:
    """Every word and how often it occurs."""
    names = frozenset(PROPER_NAMES.read_text(encoding="ascii").split())
    return {word: count for word, count in listed().items() if word not in names}


def listed() -> dict[str, int]:
    """Every word of the source, proper names among them, and how often it occurs."""
    from spellchecker import SpellChecker

    words = SpellChecker(language="en").word_frequency.dictionary
    return {word: count for word, count in words.items() if _WORD.fullmatch(word) and word.islower()}


def is_proper(word: str, small: Collection[str], capital: Collection[str], words: Set[str]) -> bool:
    """Whether a word is a proper name by a dictionary that writes names with a capital letter.

    It is when the dictionary has it, or what it is the plural of, with a capital letter only, and it
    is no regular form of a word in small letters (``miles`` of ``mile``, though there is a Miles)
    or of a verb (``hunters``, since there is ``hunting``).

    Args:
        word: In small letters.
        small: What the dictionary has in small letters.
        capital: What it has with a capital letter, in small letters here.
        words: The whole list that the word is of.
    """
    if word not in capital and word.removesuffix("s") not in capital:
        return False
    forms = {word, word.removesuffix("s"), *(word[: -len(e)] for e in _ENDINGS if word.endswith(e))}
    forms |= {f"{form[:-1]}y" for form in forms if form.endswith("i")} | {f"{form}e" for form in forms}
    if not forms.isdisjoint(small):
        return False
    return not any(len(form) > 2 and {f"{form}ing", f"{form}{form[-1]}ing"} & words for form in forms)


@cache
def common(least: int = 1, most: int = MAX_CHARS) -> tuple[str, ...]:
    """The common words of ``least`` to ``most`` letters, sorted."""
    return tuple(sorted(w for w, n in frequencies().items() if n >= COMMON and least <= len(w) <= most))


@cache
def common_by_initial(least: int = 1, most: int = MAX_CHARS) -> Mapping[str, tuple[str, ...]]:
    """The common words by their first letter."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for word in common(least, most):
        grouped[word[0]].append(word)
    return {initial: tuple(words) for initial, words in grouped.items()}


def read_word(answer: str, least: int) -> str | Outcome:
    """Reads an answer as one word of the list; only case and outer white space are forgiven.

    Returns:
        The word in lower case, or the failed outcome.
    """
    if len(answer) > MAX_CHARS:
        return Outcome.wrong(Reason.TOO_LONG, answer)
    if not _WORD.fullmatch(answer.strip()):
        return Outcome.wrong(Reason.BAD_SYNTAX, answer)
    word = answer.strip().lower()
    if len(word) < least or word not in frequencies():
        return Outcome.wrong(Reason.WRONG_WORD, answer)
    return word
