"""``{name}`` in a template: filling it, and finding the one that nothing would fill."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_BRACES = re.compile(
    r"\\[A-Za-z]+(?:\{[^{}]*\})+"  # \frac{a}{b}
    r"|[_^]\{[^{}]*\}"  # x_{i}
    r"|\{\s*([A-Za-z_][\w-]*)\s*\}"
)
"""A word in braces, as the group; in mathematics, where it is no placeholder, without the group."""


def fill(template: str, **values: str) -> str:
    """Puts values in place of ``{name}``; braces inside the values are left alone."""
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        text += values[name] + rest if closed and name in values else "{" + part
    return text


def unknown(template: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields each word in braces that is not filled, as written and by its name.

    Other braces stay as they are: LaTeX's, JSON's, empty ones.
    """
    filled = {f"{{{name}}}" for name in known}
    yield from ((found[0], found[1]) for found in _BRACES.finditer(template) if found[1] and found[0] not in filled)
