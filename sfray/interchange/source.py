"""Rows of a data set wherever it lies: a file, a folder of files, or a name on the hub.

Rows stream; a line or a row that cannot be read comes out as a :class:`Unreadable`, not as an
exception, so that one of them does not cost the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".json")

_BATCH_ROWS = 256


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that is none, and why."""

    detail: str


Located = tuple[str, Mapping[str, Any] | Unreadable]
"""Where a row stands (``file:number``, from 1) and the row."""


def rows(source: str, columns: Sequence[str]) -> Iterator[Located]:
    """Streams the rows of a source.

    Args:
        source: A ``.parquet``, ``.jsonl`` or ``.json`` file (one object a line, or one array),
            a folder of such files (read in order of their paths), or a data set of the hub
            (its ``train`` split).
        columns: The columns of interest; others may be left out.

    Raises:
        ValueError: A folder without such files, a file of another kind or one that is not
            what its name says, or a data set that cannot be loaded.
    """
    path = Path(source)
    if path.exists():
        for file in files(path):
            yield from _file_rows(file, columns)
    elif path.suffix in SUFFIXES or path.is_absolute() or len(path.parts) > 2 or source.startswith("."):
        raise ValueError(f"{source}: no such file or folder")
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
        content: Iterable[Mapping[str, Any] | Unreadable] = _parquet_rows(file, columns)
    else:
        content = _json_rows(file)
    for number, row in enumerate(content, start=1):
        yield f"{file.name}:{number}", row


def _parquet_rows(file: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    try:
        parquet = pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{file}: {error}") from error
    present = [c for c in columns if c in parquet.schema_arrow.names]
    for batch in parquet.iter_batches(_BATCH_ROWS, columns=present):
        yield from batch.to_pylist()


def _json_rows(file: Path) -> Iterator[Mapping[str, Any] | Unreadable]:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        if file.suffix == ".json" and _first_character(lines) == "[":
            lines.seek(0)
            try:
                items = json.load(lines)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{file}: {error}") from error
            yield from map(_mapping, items)
            return
        lines.seek(0)
        for line in lines:
            if line.strip():
                try:
                    yield _mapping(json.loads(line))
                except (ValueError, RecursionError) as error:
                    yield Unreadable(f"{error}: {line.strip()[:120]}")


def _first_character(lines: TextIO) -> str:
    while (character := lines.read(1)).isspace():
        pass
    return character


def _mapping(item: object) -> Mapping[str, Any] | Unreadable:
    return item if isinstance(item, dict) else Unreadable(f"not an object: {str(item)[:120]}")


def _hub_rows(name: str) -> Iterator[Located]:
    import datasets

    try:
        data = datasets.load_dataset(name, split="train", streaming=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(f"{name}: neither a file or folder nor a data set of the hub: {error}") from error
    for number, row in enumerate(data, start=1):
        yield f"{name}:{number}", row
