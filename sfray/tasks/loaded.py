"""Loaded questions: from the rows of a published data set to the questions of a split.

Rows come through ``datasets`` from a hub name, or through :mod:`sfray.io.tables` from local files
with the same columns.
``splits`` says which of the data set's own splits serves which of ours. Where several of
ours share one, each row goes to one of them by a hash of its question, in equal shares;
where they do not, a question that a later split also holds (eval before rl before sft)
is left to that one. Either way no question is in two splits. Rows are visited in a
seeded order, and a larger count only appends. An evaluation that asks for every row goes
on without those that are no question; training does not.
"""

from __future__ import annotations

import json
import logging
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from sfray.config import SplitConfig, TaskConfig
from sfray.errors import with_causes
from sfray.io import tables
from sfray.io.userfiles import is_local, located
from sfray.records import Question, Reject
from sfray.rejects import RejectReason
from sfray.seeds import derive, rng
from sfray.tasks.generated import Draft
from sfray.tasks.numbers import number_text
from sfray.tasks.task import NO_LEVEL, SPLITS, Task, question_id

_log = logging.getLogger(__name__)

Row = Mapping[str, Any]

_SPLIT_NAMES = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "valid": "validation",
    "dev": "validation",
}
_SPLIT_NAME = re.compile(rf"(?<![a-z])(?:{'|'.join(_SPLIT_NAMES)})(?![a-z])")
_PRECEDENCE = ("eval", "rl", "sft")


class BadRow(ValueError):
    """A row that cannot be a question, with the reason."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class LoadedOptions:
    """Where the rows are.

    Attributes:
        path: Hub name, a file (``.jsonl .json .csv .parquet``), a folder of files whose names say
            their splits, or a mapping of the data set's split names to files or folders.
            A path is a name, never a pattern. Empty: the family's own hub name.
        subset: Configuration of a hub data set, or a folder in a local one. Empty: the family's own.
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
            yield f"path: a hub name, a file, a folder or a mapping of splits to files is needed, got {self.path!r}"
        files = list(self.path.values()) if isinstance(self.path, Mapping) else [self.path]
        for file in files:
            if not isinstance(file, str):
                yield f"path: {file!r} is no file name"
            elif file and (isinstance(self.path, Mapping) or is_local(file, tables.SUFFIXES)):
                yield from _file_problems(file)
        if not isinstance(self.splits, Mapping):
            yield f"splits: a mapping of sft, rl, eval to the data set's own is needed, got {self.splits!r}"
            return
        for split in self.splits:
            if split not in SPLITS:
                yield f"splits.{split}: no such split, only {', '.join(SPLITS)}"


def _file_problems(name: str) -> Iterator[str]:
    path = located(name)
    if not path.exists():
        yield f"path: no file {name!r}"
    elif path.is_file() and path.suffix.lower() not in tables.SUFFIXES:
        yield f"path: {name!r} does not end in {', '.join(tables.SUFFIXES)}; unpack or convert it first"


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
            BadRow: The row is not a question.
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
        alone = isinstance(self.options.path, str) and list(local_files(self.options) or ()) == ["train"]
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
        number, rejected, first = 0, 0, ""
        for index, draft in self._drafts(source, seed):
            if number == config.count:
                return
            # A row that is no question has only its place to be shared out by.
            key = draft.key if isinstance(draft, Draft) else f"{source}:{index}"
            if sharing[derive("share", key) % len(sharing)] != split:
                continue
            if isinstance(draft, Draft) and draft.key in seen:
                draft = BadRow(RejectReason.DUPLICATE_ROW, draft.text)
            if isinstance(draft, BadRow):
                rejected += 1
                first = first or f"; the first: {draft.reason.value}: {str(draft)[:200]}"
                yield Reject(id=f"{self.name}:{source}:{index:06d}", reason=draft.reason, detail=str(draft)[:200])
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
                f"{source!r} ({rejected} rows rejected), {config.count} are wanted{first}"
            )

    def _question(self, draft: Draft, split: str, number: int) -> Question:
        name = question_id(self.name, NO_LEVEL, split, number)
        return Question(
            id=name, task=self.name, level=NO_LEVEL, split=split, text=draft.text, gold=draft.gold, answer=draft.answer
        )

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
                yield index, self._checked(self.draft(_readable(rows[index])))
            except BadRow as error:
                yield index, error

    @property
    def _subset(self) -> str:
        return self.options.subset or ("" if self.options.path else self.subset)

    def _checked(self, draft: Draft) -> Draft:
        if problem := self.gold_problem(json.loads(draft.gold)):
            raise BadRow(RejectReason.BAD_GOLD, problem)
        return draft


def _readable(row: Row | tables.Unreadable) -> Row:
    if isinstance(row, tables.Unreadable):
        raise BadRow(RejectReason.UNREADABLE, row.detail)
    return row


def load(options: LoadedOptions, split: str) -> Sequence[Any]:
    """Opens one split of a data set: rows by number, read when they are asked for.

    Raises:
        ValueError: It cannot be found, or has no such split.
    """
    files = local_files(options)
    if files is None:
        return _hub_rows(options, split)
    if split not in files:
        raise ValueError(f"task.options.path: {options.path!r} has no split {split!r}, only {', '.join(files)}")
    try:
        parts = [tables.table(file) for file in files[split]]
    except ValueError as error:
        raise ValueError(f"task.options.path: {error}") from error
    if not any(map(len, parts)):
        raise ValueError(f"task.options.path: {', '.join(map(str, files[split]))}: no rows, the file is empty")
    return parts[0] if len(parts) == 1 else [part[i] for part in parts for i in range(len(part))]


def local_files(options: LoadedOptions) -> dict[str, list[Path]] | None:
    """The local files of each split that a data set has; None for one of the hub.

    Raises:
        ValueError: A file or folder is missing, or is no data.
    """
    try:
        if isinstance(options.path, Mapping):
            return {split: tables.data_files(located(file)) for split, file in options.path.items()}
        if not options.path or not is_local(options.path, tables.SUFFIXES):
            return None
        path = located(options.path)
        if path.is_dir():
            return _by_split(path / options.subset if options.subset else path)
        return {"train": tables.data_files(path)}
    except ValueError as error:
        raise ValueError(f"task.options.path: {error}") from error


def _by_split(folder: Path) -> dict[str, list[Path]]:
    """The files of a folder by the split that each one's name says; all are ``train`` where none says one."""
    files = tables.data_files(folder)
    if len({file.parent for file in files}) > 1:
        raise ValueError(f"{folder}: has data in several folders; name one, or a file for each split")
    named = {file: _SPLIT_NAME.search(file.stem.lower()) for file in files}
    if not any(named.values()):
        return {"train": files}
    found: dict[str, list[Path]] = {}
    for file, match in named.items():
        if match is None:
            raise ValueError(f"{file}: its name says no split, as others beside it do; name a file for each split")
        found.setdefault(_SPLIT_NAMES[match[0]], []).append(file)
    return found


def _hub_rows(options: LoadedOptions, split: str) -> Sequence[Any]:
    import datasets

    path, subset, revision = str(options.path), options.subset or None, options.revision or None
    try:
        return datasets.load_dataset(path, subset, split=split, revision=revision)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(f"task.options.path: cannot load {path!r}, split {split!r}: {with_causes(error)}") from error


def text_of(row: Row, *columns: str) -> str:
    """The first of the columns that the row has, as stripped text.

    Raises:
        BadRow: None of them, or an empty one.
    """
    for column in columns:
        value = row.get(column)
        value = value.isoformat() if isinstance(value, date) else number_text(value) or value
        if isinstance(value, str) and value.strip():
            return value.strip()
    held = [f"{column} holds {row[column]!r:.40}" for column in columns if column in row]
    seen = ", ".join(held) or f"the columns are {', '.join(map(str, row))}"
    raise BadRow(RejectReason.BAD_ROW, f"no text in column {' or '.join(columns)}: {seen}")
