"""Rows of local data files, value for value as they are written: JSON, JSON lines, CSV and Parquet.

No type is guessed. A whole number keeps all its digits, a date in JSON or CSV stays text, and
``None``, ``NA`` and ``null`` in a CSV cell are text. A row that cannot be read comes out as an
:class:`Unreadable` that says why, so that it does not cost the others; a file that is not what
its name says is an error.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, overload

import pyarrow as pa
import pyarrow.parquet as pq

from sfray.io.userfiles import decoded, open_utf8, read_utf8, visible_files

_LINES = (".jsonl", ".ndjson")
SUFFIXES = (".parquet", *_LINES, ".json", ".csv")
"""Endings of the files that can be read; capitals are the same."""

_WRAPPERS = ("data", "rows", "examples", "questions")
_BATCH_ROWS = 1024
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A place where a row was expected and could not be read, and why."""

    detail: str


Row = Mapping[str, Any]


def data_files(path: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """The data files at a path, in order.

    Raises:
        ValueError: There are no data files.
    """
    found = visible_files(path) if path.is_dir() else [path]
    found = [p for p in found if p.suffix.lower() in suffixes]
    if not found:
        raise ValueError(f"{path}: no file that ends in {', '.join(suffixes)}")
    return found


def rows(file: Path, columns: Sequence[str] | None = None) -> Iterator[Row | Unreadable]:
    """Streams the rows of a data file.

    Args:
        file: Ends in one of ``SUFFIXES``.
        columns: The columns of interest; a Parquet file's others are not read. None: all.

    Raises:
        ValueError: The file is not what its name says; names it.
    """
    kind = file.suffix.lower()
    if kind == ".parquet":
        for batch in _batches(file, columns):
            yield from batch.to_pylist()
    elif kind == ".csv":
        yield from _csv_rows(file)
    elif kind in _LINES or _is_lines(file):
        yield from _line_rows(file)
    else:
        yield from _document_rows(file)


def table(file: Path) -> Sequence[Row | Unreadable]:
    """The rows of a data file by number, without holding a large file in memory.

    Raises:
        ValueError: The file is not what its name says; names it.
    """
    kind = file.suffix.lower()
    if kind == ".parquet":
        return _Mapped(file)
    if kind in _LINES or (kind == ".json" and _is_lines(file)):
        return _Lines(file)
    return list(rows(file))


def _batches(file: Path, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(file) as parquet:
            names = parquet.schema_arrow.names
            wanted = names if columns is None else [c for c in columns if c in names]
            yield from parquet.iter_batches(_BATCH_ROWS, columns=wanted)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{file}: not a whole Parquet file: {error}") from error


class _Rows(Sequence[Row | Unreadable]):
    """Rows that are read when they are asked for."""

    @overload
    def __getitem__(self, index: int) -> Row | Unreadable: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row | Unreadable]: ...
    def __getitem__(self, index: int | slice) -> Row | Unreadable | Sequence[Row | Unreadable]:
        if isinstance(index, slice):
            return [self._row(i) for i in range(len(self))[index]]
        return self._row(range(len(self))[index])

    def _row(self, index: int) -> Row | Unreadable:
        raise NotImplementedError


class _Mapped(_Rows):
    """A Parquet file, unpacked to a temporary file that is mapped into memory."""

    def __init__(self, file: Path) -> None:
        with tempfile.NamedTemporaryFile(suffix=".arrow") as unpacked:
            writer = None
            for batch in _batches(file, None):
                writer = writer or pa.ipc.new_file(unpacked, batch.schema)
                writer.write_batch(batch)
            if writer:
                writer.close()
                unpacked.flush()
            # The mapping outlives the file's name.
            self._table = pa.ipc.open_file(pa.memory_map(unpacked.name)).read_all() if writer else pa.table({})

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def _row(self, index: int) -> Row | Unreadable:
        return self._table.slice(index, 1).to_pylist()[0]


class _Lines(_Rows):
    """A file of JSON lines, by the offsets of its lines that are not blank."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offsets, self._numbers = array("q"), array("q")
        with open_utf8(file) as stream:
            offset = stream.tell()
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    self._offsets.append(offset)
                    self._numbers.append(number)
                offset += len(line)

    def __len__(self) -> int:
        return len(self._offsets)

    def _row(self, index: int) -> Row | Unreadable:
        with self._file.open("rb") as stream:
            stream.seek(self._offsets[index])
            return _line_row(self._numbers[index], stream.readline())


def _line_rows(file: Path) -> Iterator[Row | Unreadable]:
    with open_utf8(file) as stream:
        yield from (_line_row(n, line) for n, line in enumerate(stream, start=1) if line.strip())


def _line_row(number: int, line: bytes) -> Row | Unreadable:
    text = decoded(line)
    if isinstance(text, UnicodeDecodeError):
        return Unreadable(f"line {number} is not UTF-8: {text.reason}")
    try:
        return _mapping(parse_json(text))
    except (ValueError, RecursionError) as error:
        return Unreadable(f"line {number}: {_message(error)}: {text.strip()[:_SHOWN]}")


def _is_lines(file: Path) -> bool:
    """Whether a ``.json`` file holds one object a line: then its first line is a row by itself."""
    with open_utf8(file) as stream:
        first = next((line for line in stream if line.strip()), b"")
    row = _line_row(1, first)
    return not isinstance(row, Unreadable) and _wrapped(row) is None


def _document_rows(file: Path) -> Iterator[Row | Unreadable]:
    text = read_utf8(file)
    if not text.strip():
        return
    try:
        document = parse_json(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}: line {error.lineno}: {_message(error)}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: {_message(error)}") from error
    if isinstance(document, dict):
        wrapped = _wrapped(document)
        document = [document] if wrapped is None else wrapped
    if not isinstance(document, list):
        raise ValueError(f"{file}: a list of objects is needed, got {text.strip()[:_SHOWN]}")
    yield from map(_mapping, document)


def _wrapped(document: Row) -> list[Any] | None:
    """The rows of ``{"data": [{…}, …]}``; None for an object that is a row."""
    if len(document) != 1:
        return None
    ((name, held),) = document.items()
    return held if name in _WRAPPERS and isinstance(held, list) else None


def _csv_rows(file: Path) -> Iterator[Row | Unreadable]:
    with open_utf8(file) as stream, io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            header = next(reader, [])
            _check_header(file, header)
            for cells in reader:
                if len(cells) == len(header):
                    yield dict(zip(header, cells, strict=True))
                elif cells:
                    yield Unreadable(f"line {reader.line_num}: {len(cells)} cells for {len(header)} columns")
        except UnicodeDecodeError as error:
            raise ValueError(f"{file}: not UTF-8 after line {reader.line_num}: {error.reason}") from error
        except csv.Error as error:
            raise ValueError(f"{file}: line {reader.line_num}: {error}") from error


def _check_header(file: Path, header: Sequence[str]) -> None:
    if len(header) == 1 and (mark := next((m for m in ";\t|" if m in header[0]), None)):
        raise ValueError(f"{file}: its one column is {header[0]!r}: separate cells by commas, not by {mark!r}")
    if len(set(header)) < len(header):
        raise ValueError(f"{file}: a column appears twice in {', '.join(header)}")


def parse_json(text: str) -> Any:
    """Reads JSON without changing a number or losing a key.

    Raises:
        ValueError: The text is not JSON, or an object has a key twice.
    """
    return json.loads(text, parse_float=_exact, object_pairs_hook=_object)


def _exact(text: str) -> float | Decimal:
    """A decimal number as a float where that is the number written."""
    try:
        number, written = float(text), Decimal(text)
    except ArithmeticError as error:
        raise ValueError(f"the number {text[:_SHOWN]} is out of range") from error
    return number if Decimal(repr(number)) == written else written


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    pairs = list(pairs)
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(n for n in names if names.count(n) > 1)!r} appears twice in an object")
    return made


def _mapping(item: object) -> Row | Unreadable:
    return item if isinstance(item, dict) else Unreadable(f"not an object: {str(item)[:_SHOWN]}")


def _message(error: Exception) -> str:
    # The decoder counts lines within the text it was given; the caller knows the file's.
    return f"{error.msg} (column {error.colno})" if isinstance(error, json.JSONDecodeError) else str(error)
