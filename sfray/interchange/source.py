"""Rows of a data set wherever it lies: a file, a folder of files, or a name on the hub.

Rows stream; a line or a row that cannot be read comes out as a :class:`Unreadable`, not as an
exception, so that one of them does not cost the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sfray.errors import with_causes
from sfray.io import tables
from sfray.io.tables import Unreadable
from sfray.io.userfiles import content_digest, is_local, located

__all__ = ["SUFFIXES", "Located", "Unreadable", "digest", "files", "rows"]

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".json")

Located = tuple[str, Mapping[str, Any] | Unreadable]
"""Where a row is (``file:number``, from 1), and the row."""


def rows(source: str, columns: Sequence[str]) -> Iterator[Located]:
    """Streams the rows of a source.

    Args:
        source: A ``.parquet``, ``.jsonl`` or ``.json`` file (one object a line, or one array),
            a folder of such files (read in order of their paths), or a data set of the hub
            (its ``train`` split).
        columns: The columns of interest; others may be left out.

    Raises:
        ValueError: A folder without such files, a file of another kind or one that is not
            what its name says, no rows at all, or a data set that cannot be loaded.
    """
    path = located(source)
    if not is_local(source, SUFFIXES):
        yield from _hub_rows(source)
        return
    if not path.exists():
        raise ValueError(f"{source}: no such file or folder")
    empty = True
    for file in files(path):
        for number, row in enumerate(tables.rows(file, columns), start=1):
            empty = False
            yield f"{file.name}:{number}", row
    if empty:
        raise ValueError(f"{source}: no rows, the data is empty")


def files(path: Path) -> list[Path]:
    """The data files at a path, in order, without hidden ones.

    Raises:
        ValueError: There are no data files.
    """
    return tables.data_files(path, SUFFIXES)


def digest(source: str) -> str | None:
    """Hash of a local source's content; None for a data set of the hub."""
    path = located(source)
    return content_digest(path) if path.exists() else None


def _hub_rows(name: str) -> Iterator[Located]:
    import datasets

    try:
        data = datasets.load_dataset(name, split="train", streaming=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(f"{name}: neither a file or folder nor a data set of the hub: {with_causes(error)}") from error
    for number, row in enumerate(data, start=1):
        yield f"{name}:{number}", row
