"""Reads what a report page holds, apart from the code that wrote it."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any


def unpack(text: str) -> Any:
    """What a chunk or the index holds."""
    return json.loads(zlib.decompress(base64.b64decode(text, validate=True)))


class Blocks(HTMLParser):
    """Collects the chunks and the index of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[str] = []
        self.index = ""
        self._in: dict[str, str | None] | None = None

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            self._in = dict(attrs)
            if self._in.get("class") == "chunk":
                self.chunks.append("")

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        if self._in and self._in.get("class") == "chunk":
            self.chunks[-1] += data
        elif self._in and self._in.get("id") == "index":
            self.index += data


def entries(index: dict[str, Any], chunks: list[Any]) -> list[dict[str, Any]]:
    """Every entry with its content and what the index says of it."""
    assert [len(chunk) for chunk in chunks] == index["sizes"]
    contents = [content for chunk in chunks for content in chunk]
    columns = index["columns"]
    assert {len(column) for column in columns.values()} == {len(contents)}
    return [
        {
            "kind": index["kinds"][columns["kind"][i]]["name"],
            "group": index["groups"][columns["group"][i]],
            "reason": index["reasons"][columns["reason"][i]],
            "question": columns["question"][i],
            "correct": bool(columns["correct"][i]),
            **{name: columns[name][i] for name in ("sample", "tokens", "attempts")},
            "id": content[0],
            "prompt": content[1],
            "gold": content[2],
            "text": content[3],
            "blocks": list(blocks(index, *content[3:])),
        }
        for i, content in enumerate(contents)
    ]


def blocks(index: dict[str, Any], text: str, cut: list[list[int]]) -> Iterator[list[Any]]:
    """The blocks of a text, each with kind and text of its pieces; nothing of it is left over."""
    units = text.encode("utf-16-le", "surrogatepass")
    for kind, *pieces in cut:
        shown = []
        for name, length in zip(pieces[::2], pieces[1::2], strict=True):
            shown.append((index["pieces"][name], units[: 2 * length].decode("utf-16-le", "surrogatepass")))
            units = units[2 * length :]
        yield [index["blocks"][kind], shown]
    assert units == b""


def read(html: str) -> list[dict[str, Any]]:
    """The entries of a page."""
    page = Blocks()
    page.feed(html)
    page.close()
    return entries(unpack(page.index), [unpack(chunk) for chunk in page.chunks]) if page.index else []
