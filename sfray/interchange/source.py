"""Rows of a data set wherever it lies: a file, a folder of files, or a name on the hub.

Rows stream; a line or a row that cannot be read comes out as a :class:`BadRow`, not as an
exception, so that one of them does not cost the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".json")

_BATCH_ROWS = 256


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is none, and why."""

    detail: str


Located = tuple[str, Mapping[str, Any] | BadRow]
"""Where a row stands (``file:number``, from 1) and the row."""


def rows(source: str, columns: Sequence[str]) -> Iterator[Located]:
    """Streams the rows of a source.

    Args:
        source: A ``.parquet``, ``.jsonl`` or ``.json`` file (one object a line, or one array),
            a folder of such files (read in order of their paths), or a data set of the hub
            (its ``train`` split).
        columns: The columns of interest; others may be left out.

    Raises:
        ValueError: A folder without such files, or a file of another kind.
    """
    path = Path(source)
    if path.exists():
        for file in files(path):
            yield from _file_rows(file, columns)
    else:
        yield from _hub_rows(source)


def files(path: Path) -> list[Path]:
    """The data files at a path, in order.

    Raises:
        ValueError: There are none.
    """
    found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES)
    found = [p for p in found if p.suffix in SUFFIXES]
    if not found:
        raise ValueError(f"{path}: no file that ends in {', '.join(SUFFIXES)}")
    return found


def digest(source: str) -> str | None:
    """Hash of a local source's content; None for a data set of the hub."""
    path = Path(source)
    if not path.exists():
        return None
    whole = hashlib.sha256()
    for file in files(path):
        with file.open("rb") as stream:
            whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()[:16]


def _file_rows(file: Path, columns: Sequence[str]) -> Iterator[Located]:
    if file.suffix == ".parquet":
        content: Iterable[Mapping[str, Any] | BadRow] = _parquet_rows(file, columns)
    else:
        content = _json_rows(file)
    for number, row in enumerate(content, start=1):
        yield f"{file.name}:{number}", row


def _parquet_rows(file: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    parquet = pq.ParquetFile(file)
    present = [c for c in columns if c in parquet.schema_arrow.names]
    for batch in parquet.iter_batches(_BATCH_ROWS, columns=present):
        yield from batch.to_pylist()


def _json_rows(file: Path) -> Iterator[Mapping[str, Any] | BadRow]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        if file.suffix == ".json" and lines.read(1) == "[":
            lines.seek(0)
            yield from (_mapping(item) for item in json.load(lines))
            return
        lines.seek(0)
        for line in lines:
            if line.strip():
                try:
                    yield _mapping(json.loads(line))
                except ValueError as error:
                    yield BadRow(f"{error}: {line.strip()[:120]}")


def _mapping(item: object) -> Mapping[str, Any] | BadRow:
    return item if isinstance(item, dict) else BadRow(f"not an object: {str(item)[:120]}")


def _hub_rows(name: str) -> Iterator[Located]:
    from datasets import load_dataset

    for number, row in enumerate(load_dataset(name, split="train", streaming=True), start=1):
        yield f"{name}:{number}", row
