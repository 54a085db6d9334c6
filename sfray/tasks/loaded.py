"""Loaded questions: from the rows of a published data set to the questions of a split.

Rows come through ``datasets`` from a hub name or from local files with the same columns.
``splits`` says which of the data set's own splits serves which of ours. Where several of
ours share one, each row goes to one of them by a hash of its question, in equal shares;
where they do not, a question that a later split also holds (eval before rl before sft)
is left to that one. Either way no question stands in two splits. Rows are visited in a
seeded order, and a larger count only appends. An evaluation that asks for every row goes
on without those that are no question; training does not.
"""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from sfray.config import SplitConfig, TaskConfig
from sfray.records import Question, Reject
from sfray.seeds import derive, rng
from sfray.tasks.generated import Draft
from sfray.tasks.numbers import number_text
from sfray.tasks.task import NO_LEVEL, SPLITS, Task, question_id

_log = logging.getLogger(__name__)

Row = Mapping[str, Any]

_LOADERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
_PRECEDENCE = ("eval", "rl", "sft")


class RowError(StrEnum):
    """Why a row of a data set is no question."""

    BAD_ROW = "bad_row"
    """A column is missing or holds something else than it should."""
    BAD_GOLD = "bad_gold"
    """The right answer cannot be read."""
    NO_GOLD = "no_gold"
    """There is no right answer, or several that differ."""
    OTHER_DOMAIN = "other_domain"
    """Of a kind that the options leave out."""
    DUPLICATE_ROW = "duplicate_row"
    """The same question stands in an earlier row, or in a split that goes first."""


class BadRow(ValueError):
    """A row is no question; carries the reason."""

    def __init__(self, reason: RowError, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class LoadedOptions:
    """Where the rows are.

    Attributes:
        path: Hub name, a file (``.jsonl .json .csv .parquet``), or a mapping of the data
            set's split names to files. Empty: the family's own hub name.
        subset: Configuration of a hub data set. Empty: the family's own.
        revision: Commit or tag of a hub data set.
        splits: Which of the data set's splits serves ``sft``, ``rl`` and ``eval``. Empty:
            the family's own. A single local file has one split, ``train``.
    """

    path: str | Mapping[str, str] = ""
    subset: str = ""
    revision: str = ""
    splits: Mapping[str, str] = field(default_factory=dict)

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value."""
        if not isinstance(self.path, str | Mapping):
            yield f"path: a hub name, a file or a mapping of split names to files is needed, got {self.path!r}"
        files = list(self.path.values()) if isinstance(self.path, Mapping) else [self.path]
        for file in files:
            if not isinstance(file, str):
                yield f"path: {file!r} is no file name"
            elif (isinstance(self.path, Mapping) or Path(file).suffix in _LOADERS) and not Path(file).is_file():
                yield f"path: no file {file!r}"
        if not isinstance(self.splits, Mapping):
            yield f"splits: a mapping of sft, rl, eval to the data set's own is needed, got {self.splits!r}"
            return
        for split in self.splits:
            if split not in SPLITS:
                yield f"splits.{split}: no such split, only {', '.join(SPLITS)}"


class Loaded(Task):
    """A task whose questions are rows of a data set.

    Attributes:
        path: Hub name.
        subset: Its configuration, or empty.
        splits: The data set's own split for each of ours.
    """

    levels = (NO_LEVEL,)
    Options = LoadedOptions
    path: ClassVar[str]
    subset: ClassVar[str] = ""
    splits: ClassVar[Mapping[str, str]]

    @abstractmethod
    def draft(self, row: Row) -> Draft:
        """Turns a row into a question; its key is the question as the row states it.

        Raises:
            BadRow: It is none.
        """

    def problems(self, config: TaskConfig) -> Iterator[str]:
        """Adds: a split that is wanted but that the data set does not have."""
        yield from super().problems(config)
        for split in SPLITS:
            if getattr(config, split).count and split not in self._splits:
                yield f"task.{split}.count: {self.name} serves only {', '.join(self._splits)}; see task.options.splits"

    @property
    def _splits(self) -> Mapping[str, str]:
        if self.options.splits:
            return self.options.splits
        alone = isinstance(self.options.path, str) and Path(self.options.path).suffix in _LOADERS
        return dict.fromkeys(self.splits, "train") if alone else self.splits

    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question | Reject]:
        """Yields the rows that the split owns, and a reject for each visited row that is no question."""
        if not config.count:
            return
        if split not in self._splits:
            raise ValueError(f"task.{split}.count: {self.name} serves only {', '.join(self._splits)}")
        source = self._splits[split]
        sharing = [s for s in SPLITS if self._splits.get(s) == source]
        seen = self._reserved(split, source, seed)
        number, rejected = 0, 0
        for index, draft in self._drafts(source, seed):
            if number == config.count:
                return
            # A row that is no question has only its place to be shared out by.
            key = draft.key if isinstance(draft, Draft) else f"{source}:{index}"
            if sharing[derive("share", key) % len(sharing)] != split:
                continue
            if isinstance(draft, Draft) and draft.key in seen:
                draft = BadRow(RowError.DUPLICATE_ROW, draft.text)
            if isinstance(draft, BadRow):
                rejected += 1
                yield Reject(f"{self.name}:{source}:{index:06d}", draft.reason.value, str(draft)[:200])
                continue
            seen.add(draft.key)
            yield self._question(draft, split, number)
            number += 1
        if split == "eval" and 0 < number < config.count <= number + rejected:
            # The data set is as large as was asked for: a bad row must not cost the evaluation.
            _log.warning("task.eval.count: %s has %d usable questions of %d", self.name, number, config.count)
        elif number < config.count:
            raise ValueError(
                f"task.{split}.count: {self.name} has {number} questions for split {split!r} in its own split "
                f"{source!r} ({rejected} rows rejected), {config.count} are wanted"
            )

    def _question(self, draft: Draft, split: str, number: int) -> Question:
        name = question_id(self.name, NO_LEVEL, split, number)
        return Question(name, self.name, NO_LEVEL, split, draft.text, draft.gold, draft.answer)

    def _reserved(self, split: str, source: str, seed: int) -> set[str]:
        """Questions of other source splits that serve a split which goes first."""
        first = {self._splits[s] for s in _PRECEDENCE[: _PRECEDENCE.index(split)] if s in self._splits} - {source}
        return {d.key for other in sorted(first) for _, d in self._drafts(other, seed) if isinstance(d, Draft)}

    def _drafts(self, source: str, seed: int) -> Iterator[tuple[int, Draft | BadRow]]:
        """Every row of a split of the data set, in a seeded order, with its own position."""
        rows = load(replace(self.options, path=self.options.path or self.path, subset=self._subset), source)
        order = list(range(len(rows)))
        rng(seed, self.name, source).shuffle(order)
        for index in order:
            try:
                yield index, self._checked(self.draft(rows[index]))
            except BadRow as error:
                yield index, error

    @property
    def _subset(self) -> str:
        return self.options.subset or ("" if self.options.path else self.subset)

    def _checked(self, draft: Draft) -> Draft:
        if problem := self.gold_problem(json.loads(draft.gold)):
            raise BadRow(RowError.BAD_GOLD, problem)
        return draft


def load(options: LoadedOptions, split: str) -> Any:
    """Opens one split of a data set: indexable rows, memory-mapped.

    Raises:
        ValueError: It cannot be found, or has no such split.
    """
    import datasets

    path = options.path
    try:
        if isinstance(path, str) and Path(path).suffix not in _LOADERS:
            subset, revision = options.subset or None, options.revision or None
            return datasets.load_dataset(path, subset, split=split, revision=revision)
        files = {"train": path} if isinstance(path, str) else dict(path)
        if split not in files:
            raise ValueError(f"no split {split!r}, only {', '.join(files)}")
        loader = _LOADERS[Path(files[split]).suffix]
        text = {"features": _text_columns(files[split])} if loader == "csv" else {}
        return datasets.load_dataset(loader, data_files={split: files[split]}, split=split, **text)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(f"task.options.path: cannot load {path!r}, split {split!r}: {error}") from error


def _text_columns(file: str) -> Any:
    """Every column of a CSV file as text: an option that reads 3.10 is not the number 3.1."""
    import csv

    import datasets

    with open(file, newline="", encoding="utf-8") as lines:
        return datasets.Features({name: datasets.Value("string") for name in next(csv.reader(lines))})


def text_of(row: Row, *columns: str) -> str:
    """The first of the columns that the row has, as stripped text.

    Raises:
        BadRow: None of them, or an empty one.
    """
    for column in columns:
        value = row.get(column)
        value = number_text(value) or value
        if isinstance(value, str) and value.strip():
            return value.strip()
    raise BadRow(RowError.BAD_ROW, f"no text in column {' or '.join(columns)}")
