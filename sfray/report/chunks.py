"""The browser's entries as the page holds them: compressed chunks, and one index of what the filters ask.

A chunk is a JSON list of entries, deflated, in base64: a text without any character that HTML
could take for its own, whatever the entries say. The page's script reads the index when it
starts, and a chunk only when one of its entries is opened or searched.

Each entry is in one chunk, as ``[id, prompt, gold, blocks]``; a block is its kind, followed by
kind and text of each piece. The index has a column for everything else, a value for each entry.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sfray.evaluation.groups import ordered
from sfray.report.browser import Entry

CHUNK_CHARS = 1 << 18
"""Characters of JSON in a chunk, unless a single entry has more: a few milliseconds for a browser to open."""


class Index:
    """What the page's script knows of every entry without opening its chunk.

    Args:
        titles: Kind of entries -> how the page calls it.
        colors: Kind of entries -> class of its colour.
    """

    def __init__(self, titles: Mapping[str, str], colors: Mapping[str, str]) -> None:
        self._titles, self._colors = titles, colors
        self._numbers: dict[str, dict[str, int]] = {"kind": {}, "group": {}, "reason": {}, "question": {}}
        self._columns: dict[str, list[int]] = {
            name: [] for name in ("kind", "group", "reason", "question", "sample", "correct", "tokens", "attempts")
        }
        self._sizes: list[int] = []

    def add(self, entry: Entry) -> None:
        """Notes an entry; they are numbered in this order."""
        for name, column in self._columns.items():
            value = getattr(entry, name)
            if (numbers := self._numbers.get(name)) is not None:
                value = numbers.setdefault(value, len(numbers))
            column.append(int(value))

    def close_chunk(self, size: int) -> None:
        """Notes that the last ``size`` entries are a chunk."""
        self._sizes.append(size)

    def packed(self) -> str:
        """The index, packed as a chunk is."""
        kinds = [
            {"name": kind, "title": self._titles[kind], "color": self._colors.get(kind, "")}
            for kind in self._numbers["kind"]
        ]
        groups = list(self._numbers["group"])
        return pack(
            _json(
                {
                    "kinds": kinds,
                    "groups": groups,
                    "levels": ordered(groups),
                    "reasons": list(self._numbers["reason"]),
                    "sizes": self._sizes,
                    "columns": self._columns,
                }
            )
        )


def chunks(entries: Iterable[Entry], index: Index, size: int = CHUNK_CHARS) -> Iterator[str]:
    """Yields the entries in chunks, in their order; one chunk is in memory at a time.

    Args:
        entries: The entries.
        index: Notes them.
        size: Characters of JSON in a chunk, at most; an entry with more has a chunk of its own.
    """
    waiting: list[str] = []
    length = 0
    for entry in entries:
        text = _json(_content(entry))
        if waiting and length + len(text) > size:
            yield _closed(waiting, index)
            waiting, length = [], 0
        index.add(entry)
        waiting.append(text)
        length += len(text)
    if waiting:
        yield _closed(waiting, index)


def _closed(texts: list[str], index: Index) -> str:
    index.close_chunk(len(texts))
    return pack(f"[{','.join(texts)}]")


def _content(entry: Entry) -> list[Any]:
    cut = [[b.kind, *(part for p in b.pieces for part in (p.kind, p.text))] for b in entry.blocks]
    return [entry.id, entry.prompt, entry.gold, cut]


def _json(value: object) -> str:
    # ASCII with escapes: a surrogate without its other half has no UTF-8, but comes back from its escape.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def pack(text: str) -> str:
    """ASCII text, deflated and in base64. The format is zlib's, which browsers call ``deflate``."""
    return base64.b64encode(zlib.compress(text.encode("ascii"))).decode("ascii")
