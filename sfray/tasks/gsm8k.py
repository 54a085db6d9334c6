"""GSM8K: grade-school word problems; the answer is a number."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import ClassVar

from sfray.rejects import RejectReason
from sfray.tasks.counted import counted
from sfray.tasks.generated import Draft
from sfray.tasks.loaded import BadRow, Loaded, Row, text_of
from sfray.tasks.numbers import judge_number, parse_number
from sfray.tasks.outcome import Outcome
from sfray.tasks.task import Gold


def gold_of(question: str, number: Fraction) -> Gold:
    """The gold of a question: its number, and the nouns that it counts where no list has them."""
    nouns = counted(question)
    return {"number": str(number), "nouns": nouns} if nouns else {"number": str(number)}


class Gsm8k(Loaded):
    """Columns ``question`` and ``answer``, which ends in ``#### NUMBER``."""

    name = "gsm8k"
    answer_type = "the number"
    path = "openai/gsm8k"
    subset = "main"
    splits: ClassVar = {"sft": "train", "rl": "train", "eval": "test"}

    def draft(self, row: Row) -> Draft:
        """Reads a row; the gold is kept as an exact fraction."""
        question, solution = text_of(row, "question"), text_of(row, "answer")
        _, mark, stated = solution.rpartition("####")
        number = parse_number(stated) if mark else None
        if number is None:
            if not mark:
                raise BadRow(RejectReason.NO_GOLD, f"answer has no '#### NUMBER': {solution[-80:]}")
            raise BadRow(RejectReason.BAD_GOLD, f"answer has no number after '####': {solution[-80:]}")
        return Draft(question, question, json.dumps(gold_of(question, number)), str(number))

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``number``, a number as text; may have ``nouns``."""
        number, nouns = gold.get("number"), gold.get("nouns", [])
        if not isinstance(number, str) or parse_number(number) is None:
            return f"number: expected a number as text, got {number!r}"
        if not isinstance(nouns, list) or not all(isinstance(noun, str) for noun in nouns):
            return f"nouns: expected a list of texts, got {nouns!r}"
        return None

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges a number by its exact value; what the question counts may follow it."""
        number = parse_number(gold["number"])
        if number is None:
            raise ValueError(f"no number as the gold: {gold['number']!r}")
        return judge_number(number, answer, gold.get("nouns", ()))
