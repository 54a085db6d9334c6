"""Traces as training rows: their token ids, the order in which they are seen, and who sees which.

Order and grouping depend on the run's seed and the traces' ids alone, never on shard
layout or on the number of workers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sfray import models, seeds
from sfray.io.arrow import from_table
from sfray.io.files import replacing
from sfray.records import Reject, Trace
from sfray.rejects import RejectReason

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), False),
        pa.field("prompt_tokens", pa.int64(), False),
        pa.field("ids", pa.large_list(pa.int32()), False),
    ]
)


def tokenise(tokenizer: PreTrainedTokenizerBase, trace: Trace) -> tuple[list[int], int]:
    """Token ids of a trace as the model would read and write it.

    Returns:
        The ids of prompt, response and end-of-sequence token, and how many are the prompt's.

    Raises:
        sfray.models.ModelError: The chat template renders the conversation differently.
    """
    messages = [{"role": "user", "content": trace.prompt}]
    models.check_rendering(tokenizer, messages, trace.text)
    prompt = models.prompt_ids(tokenizer, messages)
    response = models.token_ids(tokenizer, trace.text)
    return [*prompt, *response, tokenizer.eos_token_id], len(prompt)


def write(parts: Sequence[Path], path: Path, tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[Reject]:
    """Tokenises every trace into one Parquet file of ``SCHEMA``, one part in memory at a time.

    Args:
        parts: Parquet files of :class:`sfray.records.Trace`.
        max_length: Longest row in tokens (``sft.max_length``).

    Returns:
        The traces that are too long, or hold a control token of the model.
    """
    rejects: list[Reject] = []
    with replacing(path) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        for part in parts:
            rows = []
            for trace in from_table(Trace, pq.read_table(part)):
                if token := models.control_token(tokenizer, f"{trace.prompt}\n{trace.text}"):
                    rejects.append(
                        Reject(id=trace.id, reason=RejectReason.CONTROL_TOKEN, detail=f"{token} in the text")
                    )
                    continue
                ids, prompt_tokens = tokenise(tokenizer, trace)
                if len(ids) > max_length:
                    rejects.append(
                        Reject(
                            id=trace.id,
                            reason=RejectReason.TOO_LONG,
                            detail=f"{len(ids)} tokens, sft.max_length is {max_length}",
                        )
                    )
                else:
                    rows.append({"id": trace.id, "prompt_tokens": prompt_tokens, "ids": ids})
            writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
    return rejects


class Rows:
    """The rows of :func:`write`, in memory as three flat arrays."""

    def __init__(self, path: Path) -> None:
        """Reads the file."""
        table = pq.read_table(path, schema=SCHEMA).combine_chunks()
        self.ids: tuple[str, ...] = tuple(table["id"].to_pylist())
        self.prompt_tokens = table["prompt_tokens"].to_numpy()
        lists = table["ids"].chunk(0) if len(table) else pa.array([], SCHEMA.field("ids").type)
        self._tokens = lists.values.to_numpy(zero_copy_only=False)
        self._offsets = lists.offsets.to_numpy()
        self.lengths = np.diff(self._offsets)

    def __len__(self) -> int:
        """Rows."""
        return len(self.ids)

    def tokens(self, row: int) -> np.ndarray:
        """Token ids of a row, int32 of shape (length,)."""
        return self._tokens[self._offsets[row] : self._offsets[row + 1]]


@dataclass(frozen=True)
class Plan:
    """Which rows each optimizer step sees.

    Every row is seen exactly once in each epoch; the last step of an epoch has what is left.

    Attributes:
        ids: Stable ids of the rows.
        batch: Rows per step (``sft.batch``).
        epochs: Times over the rows.
        max_steps: Upper bound on the steps; 0 for none.
        seed: The run's seed.
    """

    ids: tuple[str, ...]
    batch: int
    epochs: int
    max_steps: int
    seed: int

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self.ids) / self.batch)

    @cached_property
    def steps(self) -> int:
        """Optimizer steps in all."""
        total = self.epochs * self.per_epoch
        return min(total, self.max_steps) if self.max_steps else total

    def rows(self, step: int) -> list[int]:
        """Rows of a step, counted from 0."""
        epoch, start = divmod(step, self.per_epoch)
        order = _order(self.ids, self.seed, epoch)
        return order[start * self.batch : (start + 1) * self.batch]


@lru_cache(maxsize=1)
def _order(ids: tuple[str, ...], seed: int, epoch: int) -> list[int]:
    """Rows sorted by a hash of their ids: a shuffle that no change of layout disturbs."""
    return sorted(range(len(ids)), key=lambda row: (seeds.derive(seed, "sft", epoch, ids[row]), ids[row]))


def share(
    rows: Sequence[int], lengths: np.ndarray | Sequence[int], micro: int, count: int, rank: int, world: int
) -> list[list[int]]:
    """One worker's micro batches of a step.

    Rows of like length go together, over all workers, so little is spent on padding
    and no worker waits long for another. The rows of the step stay the same.

    Args:
        rows: Rows of the step, at most ``count * micro * world``.
        lengths: Length of every row, shape (rows,).
        micro: Rows per micro batch.
        count: Micro batches per worker and step; missing ones come back empty.

    Returns:
        ``count`` lists of at most ``micro`` rows.
    """
    ordered = sorted(rows, key=lambda row: (-lengths[row], row))
    group = micro * world
    return [ordered[i * group : (i + 1) * group][rank::world] for i in range(count)]
