"""Parquet files that are either whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sfray.io.files import replacing


def write_table(path: Path, table: pa.Table, **options: Any) -> None:
    """Writes Parquet atomically."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", **options)


def is_whole(path: Path) -> bool:
    """Whether a Parquet file has its footer, which is written last (copies can be cut short)."""
    try:
        pq.read_metadata(path)
    except pa.ArrowInvalid:
        return False
    return True


def row_groups(path: Path) -> int:
    """Number of row groups of a Parquet file."""
    return int(pq.read_metadata(path).num_row_groups)
