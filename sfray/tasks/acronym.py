"""Acronym: first letters of some of the listed words, in order, form an English word of at least N letters."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sfray.config import SplitConfig
from sfray.records import Question
from sfray.tasks.generated import Draft, fill_levels
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.task import Gold, Task, range_problems
from sfray.tasks.words import common, common_by_initial, read_word


@dataclass(frozen=True)
class AcronymOptions:
    """How the list is made.

    Attributes:
        longer: Bounds of how many letters the hidden word may have beyond the level, inclusive.
        extra: Bounds of how many words are in the list that the hidden word does not need.
        word_length: Bounds of the length of the listed words.
    """

    longer: Sequence[int] = (0, 2)
    extra: Sequence[int] = (2, 4)
    word_length: Sequence[int] = (3, 8)

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value."""
        yield from range_problems("longer", self.longer, least=0)
        yield from range_problems("extra", self.extra, least=0)
        yield from range_problems("word_length", self.word_length, least=1)


class Acronym(Task):
    """A list of words that hides a common word in its initials; any word that fits is right."""

    name = "acronym"
    answer_type = "the word"
    levels = ("4", "5")
    Options = AcronymOptions

    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question]:
        """Yields lists whose initials the split owns, no two with the same ones."""
        yield from fill_levels(self.name, self._draw, split, config, seed)

    def _draw(self, source: random.Random, level: str) -> Draft | None:
        least = int(level)
        shortest, longest = self.options.longer
        hidden = source.choice(common(least + shortest, least + longest))
        by_initial = common_by_initial(*self.options.word_length)
        if not set(hidden) <= by_initial.keys():
            return None
        listed = [source.choice(by_initial[letter]) for letter in hidden]
        for word in source.sample(common(*self.options.word_length), source.randint(*self.options.extra)):
            listed.insert(source.randint(0, len(listed)), word)
        initials = "".join(word[0] for word in listed)
        return Draft(
            key=f"acronym:{initials}",
            text=(
                f"Here is a list of words: {', '.join(listed)}. Choose some of them and keep their order, so that "
                f"their first letters form an English word of at least {least} letters."
            ),
            gold=json.dumps({"words": listed, "min_length": least}),
            answer=hidden,
        )

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``words``, a list of words, and ``min_length``, an integer."""
        words, least = gold.get("words"), gold.get("min_length")
        if not isinstance(words, list) or not words or not all(isinstance(w, str) and w[:1].isalpha() for w in words):
            return f"words: expected a list of words, got {words!r}"
        if type(least) is not int or not 1 <= least <= len(words):
            return f"min_length: expected an integer from 1 to the number of words, got {least!r}"
        return None

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges a word by the list and as a subsequence of the initials."""
        word = read_word(answer, gold["min_length"])
        if isinstance(word, Outcome):
            return word
        initials = iter(listed[0].lower() for listed in gold["words"])
        if not all(letter in initials for letter in word):
            return Outcome.wrong(Reason.WRONG_WORD, answer)
        return Outcome.right(answer)
