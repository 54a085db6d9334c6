"""What a field of the config says of itself: what it may be, and whether it changes only speed.

batch: Annotated[int, AT_LEAST_ONE] = 1
keep: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 2
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sfray.names import closest


@dataclass(frozen=True)
class Bound:
    """The values that a number may take.

    Attributes:
        wish: The bound in words, after "must be".
        holds: Whether a value is within it.
    """

    wish: str
    holds: Callable[[float], bool]


AT_LEAST_ONE = Bound("at least 1", lambda x: x >= 1)
ABOVE_ZERO = Bound("above 0", lambda x: x > 0)
NOT_NEGATIVE = Bound("0 or more", lambda x: x >= 0)
FRACTION = Bound("above 0 and at most 1", lambda x: 0 < x <= 1)
RATE = Bound("between 0 and 1", lambda x: 0 <= x <= 1)
INSIDE = Bound("above 0 and below 1", lambda x: 0 < x < 1)
SHARE = Bound("at least 0 and below 1", lambda x: 0 <= x < 1)


@dataclass(frozen=True)
class OneOf:
    """The names that a text may be."""

    names: tuple[str, ...]


SPEED_ONLY = "speed only"
"""Mark of a field that changes how fast or how safely an output is made, never what is in it."""


def marks(cls: type) -> dict[str, tuple[Any, ...]]:
    """Field -> what its annotation says beside its type."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {f.name: tuple(_extras(hints[f.name])) for f in dataclasses.fields(cls)}


def speed_only(config: object) -> set[str]:
    """The fields of a group that change only speed."""
    return {name for name, extras in marks(type(config)).items() if SPEED_ONLY in extras}


def out_of_bounds(config: object, prefix: str = "") -> Iterator[str]:
    """Yields a line for each value of a config that its own field refuses; null is within all bounds."""
    for name, extras in marks(type(config)).items():
        value = getattr(config, name)
        if dataclasses.is_dataclass(value):
            yield from out_of_bounds(value, f"{prefix}{name}.")
        for bound in extras:
            if isinstance(bound, Bound) and value is not None and not bound.holds(value):
                yield f"{prefix}{name}: {value} must be {bound.wish}"
            if isinstance(bound, OneOf) and value not in bound.names:
                listed = f"{value!r} is not one of {', '.join(bound.names)}"
                yield f"{prefix}{name}: {listed}{closest(value, bound.names)}"


def _extras(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) is typing.Annotated:
        yield from hint.__metadata__
    elif typing.get_origin(hint) is not None:
        for inner in typing.get_args(hint):
            yield from _extras(inner)
