"""One row of the paper's released raw data: an attempt with its reflections.

Both spellings of the columns are read, the one of the released data
(``model_responses__mutated_prompts``, ``prompt_variant``) and the one of its documentation
(``model_responses__example_annotation``, ``prompt_type``), in any combination.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sfray.rejects import RejectReason
from sfray.tasks.numbers import number_text

_STEMS = ("model_responses__mutated_prompts", "model_responses__example_annotation")
RESPONSE = _STEMS
CORRECT = tuple(f"{stem}__eval_is_correct" for stem in _STEMS)
REFLECTIONS = tuple(f"{stem}_reflection" for stem in _STEMS)
VARIANT = ("prompt_variant", "prompt_type")
COLUMNS = ("question", "answer", *RESPONSE, *CORRECT, *REFLECTIONS, *VARIANT)
"""Every column that is read."""

_SURROGATE = re.compile("[\ud800-\udfff]")

DEFAULT_VARIANTS = ("original", "plan_and_execute", "alternatively", "rephrase")
"""The variants that the released script uses unless told otherwise."""

_HINTED = re.compile(r"hint|rationali[sz]", re.IGNORECASE)
_SCRIPT_DROPS = re.compile("idea|fast", re.IGNORECASE)

NO_VARIANT = "unnamed"
"""Variant of rows that name none; the column is optional."""


class RowRefused(ValueError):
    """A row that cannot be an attempt."""

    def __init__(self, problem: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.problem, self.detail = problem, detail


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says.

    Attributes:
        correct: The label that came with it; None without one.
    """

    question: str
    answer: str
    variant: str
    text: str
    correct: bool | None
    reflections: tuple[str, ...]

    @property
    def hinted(self) -> bool:
        """Whether the model had been given the answer, which the name of the variant says."""
        return _HINTED.search(self.variant) is not None


@dataclass(frozen=True, slots=True)
class Options:
    """What of the released script's own choices an import takes over.

    Attributes:
        default_variants: Rows of :data:`DEFAULT_VARIANTS` only.
        drop_idea_or_fast: Reflections that hold "idea" or "fast" are not valid.
    """

    default_variants: bool = False
    drop_idea_or_fast: bool = False


AS_READ = Options()
"""Every row, every reflection."""


def dropped_by_script(reflection: str) -> bool:
    """Whether the released script drops the reflection for its words, also within others ("breakfast")."""
    return _SCRIPT_DROPS.search(reflection) is not None


def read(raw: Mapping[str, Any]) -> Row:
    """Reads a row.

    Raises:
        RowRefused: A column is missing or holds something else than the schema says.
    """
    question = _first(raw, ("question",))
    if question is None:
        raise RowRefused(RejectReason.MISSING_COLUMN, "question")
    response = _first(raw, RESPONSE)
    if response is None:
        raise RowRefused(RejectReason.MISSING_COLUMN, " or ".join(RESPONSE))
    reflections = _first(raw, REFLECTIONS)
    if reflections is None:
        raise RowRefused(RejectReason.MISSING_COLUMN, " or ".join(REFLECTIONS))
    variant = _first(raw, VARIANT)
    return Row(
        question=_text(question, "question"),
        answer=_answer(_first(raw, ("answer",))),
        variant=NO_VARIANT if variant is None else _text(variant, "prompt_variant").replace("/", "-"),
        text=_text(_only(response, "response"), "response"),
        correct=_label(_first(raw, CORRECT)),
        reflections=tuple(_text(r, "reflection") for r in _listed(reflections)),
    )


def _first(raw: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((raw[n] for n in names if raw.get(n) is not None), None)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _only(value: object, name: str) -> object:
    items = _listed(value)
    if len(items) != 1:
        raise RowRefused(RejectReason.NOT_ONE_RESPONSE, f"{name}: {len(items)} items, expected 1")
    return items[0]


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise RowRefused(RejectReason.BAD_VALUE, f"{name}: expected text, got {value!r:.80}")
    if _SURROGATE.search(value):
        raise RowRefused(RejectReason.BAD_VALUE, f"{name}: half of a surrogate pair, which is no character")
    return value


def _answer(value: object) -> str:
    """The gold as text; a whole number that came as a float has no decimals."""
    return "" if value is None else number_text(value) or _text(value, "answer")


def _label(value: object) -> bool | None:
    if value is None or value == []:
        return None
    label = _only(value, "label")
    if label is not None and not isinstance(label, bool):
        raise RowRefused(RejectReason.BAD_VALUE, f"label: expected true or false, got {label!r:.80}")
    return label
