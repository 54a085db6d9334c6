"""Letter Countdown: an English word of at least N letters, made only of the given letters."""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sfray.config import SplitConfig
from sfray.records import Question
from sfray.tasks.generated import Draft, fill_levels
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.task import Gold, Task, range_problems
from sfray.tasks.words import common, read_word


@dataclass(frozen=True)
class LetterCountdownOptions:
    """How the letters are chosen.

    Attributes:
        longer: Bounds of how many letters the hidden word may have beyond the level, inclusive.
        extra: Bounds of how many random letters are added to those of the hidden word.
    """

    longer: Sequence[int] = (0, 2)
    extra: Sequence[int] = (1, 3)

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value."""
        yield from range_problems("longer", self.longer, least=0)
        yield from range_problems("extra", self.extra, least=0)


class LetterCountdown(Task):
    """Letters that hide a common word; any word of the list that fits is right."""

    name = "letter_countdown"
    answer_type = "the word"
    levels = ("4", "5")
    Options = LetterCountdownOptions

    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question]:
        """Yields letter sets that the split owns, no two alike."""
        yield from fill_levels(self.name, self._draw, split, config, seed)

    def _draw(self, source: random.Random, level: str) -> Draft:
        least = int(level)
        shortest, longest = self.options.longer
        word = source.choice(common(least + shortest, least + longest))
        letters = list(word) + source.choices(string.ascii_lowercase, k=source.randint(*self.options.extra))
        source.shuffle(letters)
        return Draft(
            key=f"letter_countdown:{''.join(sorted(letters))}",
            text=(
                f"Make an English word of at least {least} letters from the letters {', '.join(letters)}. "
                f"Use each letter at most as often as it is listed."
            ),
            gold=json.dumps({"letters": "".join(letters), "min_length": least}),
            answer=word,
        )

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``letters``, a string of small letters, and ``min_length``, an integer."""
        letters, least = gold.get("letters"), gold.get("min_length")
        if not isinstance(letters, str) or not letters.isascii() or not letters.isalpha() or not letters.islower():
            return f"letters: expected small ASCII letters, got {letters!r}"
        if type(least) is not int or not 1 <= least <= len(letters):
            return f"min_length: expected an integer from 1 to the number of letters, got {least!r}"
        return None

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges a word by the list and by its letters, each used as often as given."""
        word = read_word(answer, gold["min_length"])
        if isinstance(word, Outcome):
            return word
        if Counter(word) - Counter(gold["letters"]):
            return Outcome.wrong(Reason.WRONG_WORD, answer)
        return Outcome.right(answer)
