"""OpenThoughts3: questions whose right answer is read from a published solution."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sfray.rejects import RejectReason
from sfray.tasks import mathematics
from sfray.tasks.formula import boxed
from sfray.tasks.generated import Draft
from sfray.tasks.loaded import BadRow, Loaded, LoadedOptions, Row
from sfray.tasks.outcome import Outcome
from sfray.tasks.task import Gold

_ASKS = ("human", "user")
_ANSWERS = ("gpt", "assistant")
_END_THINK = "</think>"


@dataclass(frozen=True)
class OpenThoughtsOptions(LoadedOptions):
    """Where the rows are, and of which kind.

    Attributes:
        domains: Values of the column ``domain`` to take (``math``, ``code``, ``science``); empty for all.
    """

    domains: Sequence[str] = ()

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value."""
        yield from super().validate()
        if not isinstance(self.domains, list | tuple) or not all(isinstance(d, str) for d in self.domains):
            yield f"domains: a list of names is needed, got {self.domains!r}"


class OpenThoughts(Loaded):
    """Columns ``conversations`` (turns of ``from`` and ``value``) and ``domain``.

    The gold is the content of the ``\\boxed{}`` after the closing think tag. A row without
    one, or with several that differ, is no question (paper, section on OpenThoughts).
    """

    name = "openthoughts"
    answer_type = "the result"
    path = "open-thoughts/OpenThoughts3-1.2M"
    splits: ClassVar = {"sft": "train", "rl": "train"}
    Options = OpenThoughtsOptions

    def draft(self, row: Row) -> Draft:
        """Reads a row."""
        if self.options.domains and row.get("domain") not in self.options.domains:
            raise BadRow(RejectReason.OTHER_DOMAIN, str(row.get("domain")))
        turns = row.get("conversations")
        if not isinstance(turns, list) or len(turns) < 2:
            raise BadRow(RejectReason.BAD_ROW, "conversations: expected two turns")
        question, solution = (_turn(turns[i], names) for i, names in enumerate((_ASKS, _ANSWERS)))
        _, closed, final = solution.rpartition(_END_THINK)
        stated = dict.fromkeys(b.strip() for b in boxed(final if closed else ""))
        if len(stated) != 1:
            raise BadRow(RejectReason.NO_GOLD, f"{len(stated)} boxed results after the thinking")
        (answer,) = stated
        return Draft(question, question, json.dumps(mathematics.gold_of(question, answer)), answer)

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``answer``, a formula that can be read."""
        return mathematics.gold_problem(gold)

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges a formula by mathematical equality."""
        return mathematics.judge(gold, answer)


def _turn(turn: object, names: Sequence[str]) -> str:
    if not isinstance(turn, dict) or turn.get("from") not in names or not isinstance(turn.get("value"), str):
        raise BadRow(RejectReason.BAD_ROW, f"conversations: expected a turn from {' or '.join(names)}")
    if not turn["value"].strip():
        raise BadRow(RejectReason.BAD_ROW, "conversations: an empty turn")
    return str(turn["value"]).strip()
