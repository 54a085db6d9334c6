"""The browser's entries as the page holds them: compressed chunks, and one index of what the filters ask.

A chunk is a JSON list of entries, deflated, in base64: a text without any character that HTML
could take for its own, whatever the entries say. The page's script reads the index when it
starts, and a chunk only when one of its entries is opened or searched.

Each entry is in one chunk, as ``[id, prompt, gold, text, blocks]``; a block is its kind, followed by
kind and length of each piece, which together are the text. Kinds are numbers, which the index
resolves, and lengths are in UTF-16 units, as JavaScript counts. The index has a column for
everything else, a value for each entry.
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
        self._numbers: dict[str, dict[str, int]] = {
            name: {} for name in ("kind", "group", "reason", "question", "block", "piece")
        }
        self._columns: dict[str, list[int]] = {
            name: [] for name in ("kind", "group", "reason", "question", "sample", "correct", "tokens", "attempts")
        }
        self._sizes: list[int] = []

    def add(self, entry: Entry) -> None:
        """Notes an entry; they are numbered in this order."""
        for name, column in self._columns.items():
            value = getattr(entry, name)
            column.append(self.number(name, value) if name in self._numbers else int(value))

    def number(self, name: str, value: str) -> int:
        """The number of a value of a column, of a kind of blocks (``block``) or of pieces (``piece``)."""
        numbers = self._numbers[name]
        return numbers.setdefault(value, len(numbers))

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
                    "blocks": list(self._numbers["block"]),
                    "pieces": list(self._numbers["piece"]),
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
        text = _json(_content(entry, index))
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


def _content(entry: Entry, index: Index) -> list[Any]:
    text = "".join(p.text for b in entry.blocks for p in b.pieces)
    cut = [
        [index.number("block", b.kind), *(n for p in b.pieces for n in (index.number("piece", p.kind), _units(p.text)))]
        for b in entry.blocks
    ]
    return [entry.id, entry.prompt, entry.gold, text, cut]


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _json(value: object) -> str:
    # ASCII with escapes: a surrogate without its other half has no UTF-8, but comes back from its escape.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def pack(text: str) -> str:
    """ASCII text, deflated and in base64. The format is zlib's, which browsers call ``deflate``."""
    return base64.b64encode(zlib.compress(text.encode("ascii"))).decode("ascii")
