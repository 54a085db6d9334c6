"""English words: one list for making questions and for judging answers.

The list is the English one of the package ``pyspellchecker`` (MIT licence), pinned by
the project's lock file: lower-case words with inflected forms and how often each occurs in a
corpus of subtitles. Kept are the 128,112 of ASCII letters only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache

from sfray.tasks.outcome import Outcome, Reason

COMMON = 1_000
"""Occurrences from which a word is common enough to build a question on. Judging takes all words."""

MAX_CHARS = 64
_WORD = re.compile(r"[A-Za-z]+")


@cache
def frequencies() -> Mapping[str, int]:
    """Every word and how often it occurs."""
    from spellchecker import SpellChecker

    listed = SpellChecker(language="en").word_frequency.dictionary
    return {word: count for word, count in listed.items() if _WORD.fullmatch(word) and word.islower()}


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
