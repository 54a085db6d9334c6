"""Multiple choice: one option of several, by its letter or by its text."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sfray.rejects import RejectReason
from sfray.seeds import rng
from sfray.tasks.generated import Draft
from sfray.tasks.loaded import BadRow, Loaded, LoadedOptions, Row, text_of
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.task import Gold

MAX_CHARS = 4_000

_LETTER = re.compile(r"\(([A-Za-z])\)|([A-Za-z])[.):]?")
_LETTER_AND_TEXT = re.compile(r"(?:\(([A-Za-z])\)|([A-Za-z])[.):])\s+(\S.*)", re.DOTALL)


class Choice(Loaded):
    """A question with lettered options; the gold holds them and the right letter."""

    answer_type = "the option letter"

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``options``, two or more different texts, and ``letter``, one of theirs."""
        options, letter = gold.get("options"), gold.get("letter")
        if not isinstance(options, list) or not all(isinstance(o, str) and o.strip() for o in options):
            return f"options: expected a list of texts, got {options!r}"
        if not 2 <= len({_spaced(o) for o in options}) == len(options) <= 26:
            return f"options: expected 2 to 26 different texts, got {options!r}"
        if letter not in list(string.ascii_uppercase[: len(options)]):
            return f"letter: expected one of the {len(options)} options, got {letter!r}"
        return None

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges an option.

        Accepted are ``B``, ``b``, ``(B)``, ``B.``, ``B)``, ``B:``, any of them with the text of
        the same option behind it, and the text alone, white space apart, and case apart
        where no other option differs in case only. What reads as a letter is one, even
        where another option's text is that letter.
        """
        if len(answer) > MAX_CHARS:
            return Outcome.wrong(Reason.TOO_LONG, answer)
        index = _option(answer.strip(), gold["options"])
        if index is None:
            return Outcome.wrong(Reason.BAD_SYNTAX, answer)
        right = string.ascii_uppercase[index] == gold["letter"]
        return Outcome.right(answer) if right else Outcome.wrong(Reason.WRONG_VALUE, answer)


def _option(answer: str, options: Sequence[str]) -> int | None:
    """The index of the option that an answer names; None for none."""
    if match := _LETTER.fullmatch(answer):
        index = string.ascii_uppercase.index((match[1] or match[2]).upper())
        return index if index < len(options) else None
    if (named := _by_text(answer, options)) is not None:
        return named
    if match := _LETTER_AND_TEXT.fullmatch(answer):
        index = string.ascii_uppercase.index((match[1] or match[2]).upper())
        return index if _by_text(match[3], options) == index else None
    return None


def _by_text(text: str, options: Sequence[str]) -> int | None:
    """The index of the option with that text: of the only one, case apart, or of the one with the same case."""
    same = [i for i, o in enumerate(options) if _spaced(o).casefold() == _spaced(text).casefold()]
    if len(same) > 1:
        same = [i for i in same if _spaced(options[i]) == _spaced(text)]
    return same[0] if len(same) == 1 else None


def _spaced(text: str) -> str:
    return " ".join(text.split())


def question_with_options(question: str, options: Sequence[str], right: int) -> Draft:
    """Words a multiple-choice question, one option a line."""
    lines = [f"{letter}. {option}" for letter, option in zip(string.ascii_uppercase, options, strict=False)]
    letter = string.ascii_uppercase[right]
    gold = json.dumps({"letter": letter, "options": list(options)})
    return Draft(question, "\n".join([question, *lines, "Which option is right?"]), gold, letter)


class CommonsenseQa(Choice):
    """Columns ``question``, ``choices`` (``label`` and ``text`` lists) and ``answerKey``.

    The published test split has no answers, so the validation split serves evaluation.
    """

    name = "commonsense_qa"
    path = "tau/commonsense_qa"
    splits: ClassVar = {"sft": "train", "rl": "train", "eval": "validation"}

    def draft(self, row: Row) -> Draft:
        """Reads a row; the options keep their order."""
        question, choices = text_of(row, "question"), row.get("choices")
        if not isinstance(choices, dict) or not all(isinstance(choices.get(k), list) for k in ("label", "text")):
            raise BadRow(RejectReason.BAD_ROW, "choices: expected lists 'label' and 'text'")
        labels, texts = choices["label"], choices["text"]
        if len(labels) != len(texts) or labels != list(string.ascii_uppercase[: len(labels)]):
            raise BadRow(RejectReason.BAD_ROW, f"choices: labels {labels!r} for {len(texts)} texts")
        key = row.get("answerKey")
        if not key:
            raise BadRow(RejectReason.NO_GOLD, "answerKey is empty")
        if key not in labels:
            raise BadRow(RejectReason.BAD_GOLD, f"answerKey: {key!r} is not one of {labels}")
        return question_with_options(question, texts, labels.index(key))


@dataclass(frozen=True)
class GpqaOptions(LoadedOptions):
    """Where the rows are, and how options are shuffled.

    Attributes:
        shuffle_seed: Seeds each question's own permutation. Not the run's seed: runs of
            different seeds are compared on the same questions.
    """

    shuffle_seed: int = 0

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value."""
        yield from super().validate()
        if type(self.shuffle_seed) is not int:
            yield f"shuffle_seed: an integer is needed, got {self.shuffle_seed!r}"


class Gpqa(Choice):
    """GPQA diamond. Columns ``Question``, ``Correct Answer``, ``Incorrect Answer 1`` to ``3``.

    The options are shuffled by a permutation of each question's own.
    """

    name = "gpqa"
    path = "Idavidrein/gpqa"
    subset = "gpqa_diamond"
    splits: ClassVar = {"eval": "train"}
    Options = GpqaOptions

    def draft(self, row: Row) -> Draft:
        """Reads a row and shuffles its options."""
        question = text_of(row, "Question")
        answers = [text_of(row, "Correct Answer"), *(text_of(row, f"Incorrect Answer {i}") for i in (1, 2, 3))]
        order = list(range(len(answers)))
        rng(self.options.shuffle_seed, self.name, question).shuffle(order)
        return question_with_options(question, [answers[i] for i in order], order.index(0))
