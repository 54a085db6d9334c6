"""Records as Arrow tables.

A record's schema is read off its annotations, so the two cannot drift apart.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TypeVar

import pyarrow as pa

from sfray.records import Attempt, Completion, Question, Reflection, Reject, SkillSegment, Trace

_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}

Record = TypeVar("Record", Question, Attempt, Reflection, SkillSegment, Trace, Completion, Reject)


def schema(record: type) -> pa.Schema:
    """The Arrow schema of a record class; only ``X | None`` columns are nullable."""
    return _schema(record)


@cache
def _schema(record: type) -> pa.Schema:
    hints = typing.get_type_hints(record)
    return pa.schema([_field(f.name, hints[f.name]) for f in dataclasses.fields(record)])


def _field(name: str, hint: object) -> pa.Field:
    nullable = isinstance(hint, types.UnionType)
    if nullable:
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    if typing.get_origin(hint) is list:
        return pa.field(name, pa.list_(_ARROW[typing.get_args(hint)[0]]), nullable)
    return pa.field(name, _ARROW[hint], nullable)  # type: ignore[index]


def to_table(record: type[Record], rows: Iterable[Record]) -> pa.Table:
    """Rows as an Arrow table with the record's schema (also when there are none).

    Raises:
        ValueError: A value does not fit its column; names the column.
    """
    rows = list(rows)
    return pa.Table.from_arrays([_column(record, f, rows) for f in schema(record)], schema=schema(record))


def _column(record: type, column: pa.Field, rows: Sequence[object]) -> pa.Array:
    try:
        array = pa.array([getattr(row, column.name) for row in rows], column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
        raise ValueError(f"{record.__name__}.{column.name}: {error}") from error
    if array.null_count and not column.nullable:  # Arrow itself lets it pass, Parquet does not
        raise ValueError(f"{record.__name__}.{column.name}: None in row {array.is_null().index(True).as_py()}")
    return array


def from_table(record: type[Record], table: pa.Table) -> list[Record]:
    """The rows of a table.

    Columns may come in any order, among others, and in another width of the same type
    (``int32``, ``large_string``), as other writers and block formats leave them. The column
    of a field with a default may be missing: files older than the field are read.

    Raises:
        ValueError: A column is missing, of another type, or holds nulls it must not.
    """
    optional = {f.name for f in dataclasses.fields(record) if _has_default(f)}
    absent = optional.difference(table.schema.names)
    wanted = pa.schema([column for column in schema(record) if column.name not in absent])
    for column in wanted:
        there = table.schema.field(column.name).type if column.name in table.schema.names else None
        if there is None or not _same_kind(there, column.type):
            found = there or "missing"
            raise ValueError(f"not a table of {record.__name__}: {column.name} is {found}, not {column.type}")
    try:
        rows = table.select(wanted.names).cast(wanted).to_pylist()
    except ValueError as error:
        raise ValueError(f"not a table of {record.__name__}: {error}") from error
    return [record(**row) for row in rows]


def holds(record: type, columns: Iterable[str]) -> bool:
    """Whether a table with these columns is one of a record's: no others, and all that have no default."""
    fields = dataclasses.fields(record)
    return {f.name for f in fields if not _has_default(f)} <= set(columns) <= {f.name for f in fields}


def _has_default(field: dataclasses.Field[object]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _same_kind(there: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_null(there):
        return True
    if pa.types.is_dictionary(there):
        return _same_kind(there.value_type, wanted)
    if pa.types.is_list(wanted):
        listed = pa.types.is_list(there) or pa.types.is_large_list(there)
        return listed and _same_kind(there.value_type, wanted.value_type)
    kinds = (_is_text, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return any(kind(there) and kind(wanted) for kind in kinds)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
