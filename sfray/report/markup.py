"""A response cut into pieces that a reader can tell apart: attempts, reflections, what joins them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from sfray.grammar import Verdict, parse_verdict

_STRUCTURE = re.compile(r"</?(?:think|sample|reflect)>")
_NESTED = {"answer", "verdict"}
_KNOWN = ("think", "sample", "reflect", "answer", "verdict")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text of one kind.

    Attributes:
        kind: ``text``, ``tag``, ``answer`` or ``verdict``.
        text: As written, not escaped.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive pieces in one place of the response.

    Attributes:
        kind: ``sample``, ``reflect correct``, ``reflect incorrect``, ``reflect unreadable``, ``skill``,
            ``glue`` (thinking between blocks) or ``final`` (outside the thinking).
        pieces: In order; their texts join to what was written.
    """

    kind: str
    pieces: tuple[Piece, ...]


def blocks(text: str, skills: Collection[str] = ()) -> list[Block]:
    """Cuts a response; any text, well-formed or not, in linear time, nothing lost.

    Args:
        text: The response.
        skills: Tags of skills besides reflection.
    """
    grouped = groupby(_placed(text, _tags(tuple(skills))), key=lambda placed: placed[:2])
    return [Block(kind, tuple(piece for _, _, piece in members)) for (_, kind), members in grouped]


@cache
def _tags(skills: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"</?({'|'.join([*_KNOWN, *skills])})>")


def _placed(text: str, tags: re.Pattern[str]) -> Iterator[tuple[int, str, Piece]]:
    """Pieces with the number and the kind of the block that they are in."""
    number, place, thinking = 0, "final", False
    inner, position, opened = "text", 0, ""
    for tag in tags.finditer(text):
        if tag.start() > position:
            yield number, place, Piece(inner, text[position : tag.start()])
        name, closing, position = tag[1], tag[0][1] == "/", tag.end()
        if name == "think":
            thinking = not closing
            yield number + 1, "tag", Piece("tag", tag[0])
            number, place, inner = number + 2, "glue" if thinking else "final", "text"
        elif name in _NESTED:
            yield number, place, Piece("tag", tag[0])
            inner = "text" if closing else name
        elif not closing and place in ("glue", "final"):
            number, place, inner, opened = number + 1, _block_kind(name, text, position), "text", name
            yield number, place, Piece("tag", tag[0])
        else:
            yield number, place, Piece("tag", tag[0])
            if closing and name == opened and place not in ("glue", "final"):
                number, place, inner = number + 1, "glue" if thinking else "final", "text"
    if position < len(text):
        yield number, place, Piece(inner, text[position:])


def _block_kind(name: str, text: str, start: int) -> str:
    if name != "reflect":
        return name if name == "sample" else "skill"
    end = _STRUCTURE.search(text, start)
    if end is None or end[0] != "</reflect>":
        return "reflect unreadable"
    verdict = parse_verdict(text[start : end.start()])
    return f"reflect {verdict.lower()}" if isinstance(verdict, Verdict) else "reflect unreadable"
