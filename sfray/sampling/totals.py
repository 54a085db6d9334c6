"""Totals over the parts of a sampling stage, one part in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.compute as pc
import pyarrow.parquet as pq

from sfray.store.artifact import Artifact


def totals(output: Artifact, flags: Sequence[str]) -> dict[str, int]:
    """Counts rows, tokens, truncated rows, and the rows where each flag is true."""
    counts = {"rows": 0, "tokens": 0, "truncated": 0} | dict.fromkeys(flags, 0)
    for path in output.parts():
        with pq.ParquetFile(path) as part:  # read_table, which looks for a data set, takes three times as long
            table = part.read(columns=["tokens", "finish", *flags])
        counts["rows"] += len(table)
        counts["tokens"] += pc.sum(table["tokens"]).as_py() or 0
        counts["truncated"] += pc.sum(pc.equal(table["finish"], "length")).as_py() or 0
        for flag in flags:
            counts[flag] += pc.sum(table[flag]).as_py() or 0
    return counts
