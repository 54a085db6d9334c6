"""Reads what a report page holds, apart from the code that wrote it."""

from __future__ import annotations

import base64
import json
import zlib
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
            "blocks": [[block[0], list(zip(block[1::2], block[2::2], strict=True))] for block in content[3]],
            "text": "".join(piece for block in content[3] for piece in block[2::2]),
        }
        for i, content in enumerate(contents)
    ]


def read(html: str) -> list[dict[str, Any]]:
    """The entries of a page."""
    page = Blocks()
    page.feed(html)
    page.close()
    return entries(unpack(page.index), [unpack(chunk) for chunk in page.chunks]) if page.index else []
