"""``{name}`` in a template: filling it, and finding the one that nothing would fill."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator

_NAMES = ("question", "answer_type", "attempt", "answer")
"""All names that some template takes."""

_BRACES = re.compile(r"\\[A-Za-z]+\*?\s*\{|(?<![\\^_$\]{}])(\{\s*([A-Za-z_][\w-]*)\s*\})")
"""A word in braces and its name, as the groups; after a LaTeX command, where it is no placeholder, without them."""


def fill(template: str, **values: str) -> str:
    """Puts values in place of ``{name}``; braces inside the values are left alone."""
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        text += values[name] + rest if closed and name in values else "{" + part
    return text


def unknown(template: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields each word in braces that is, or nearly is, a placeholder and is not filled, as written and by its name.

    Other braces stay as they are: LaTeX's, JSON's, the shell's, those around other words.
    """
    filled = {f"{{{name}}}" for name in known}
    for found in _BRACES.finditer(template):
        written, name = found.groups()
        if name and written not in filled and difflib.get_close_matches(name.lower(), _NAMES, cutoff=0.8):
            yield written, name
