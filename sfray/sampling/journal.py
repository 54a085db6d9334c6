"""Answers that cost money, on disk one by one: a process that dies loses none that it has received."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sfray.io.files import append, truncate


class Journal:
    """JSON lines of one shard, each with the ``id`` of what was asked. One writer at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """Id -> answer. A last line that a dying writer left unfinished is removed from the file.

        Raises:
            ValueError: Another line is not what :meth:`add` writes.
        """
        if not self.path.exists():
            return {}
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            truncate(self.path, len(whole))
        return dict(self._lines(whole))

    def _lines(self, data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
        for number, line in enumerate(data.decode().splitlines(), 1):
            try:
                answer = json.loads(line)
                yield answer["id"], answer
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{self.path}, line {number}: no answer of a journal: {error}") from error

    def add(self, answer: dict[str, Any]) -> None:
        """Writes an answer; it is on disk when this returns."""
        append(self.path, json.dumps(answer).encode() + b"\n")
