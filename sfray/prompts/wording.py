"""A text with ``{name}`` in it: filled by ``string.Template``, and searched for names that nothing would fill."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Collection, Iterator

_NAMES = ("question", "answer_type", "attempt", "answer")
"""All names that some text takes."""

_BRACES = re.compile(r"\\[A-Za-z]+\*?\s*\{|(?<![\\^_$\]{}])(\{\s*([A-Za-z_][\w-]*)\s*\})")
"""A word in braces and its name, as the groups; after a LaTeX command, where it is no placeholder, without them."""


class Wording(string.Template):
    """A template whose placeholders are words in single braces; all other braces are text, as LaTeX and JSON need."""

    delimiter = "{"
    # string.Template compiles it, and wants all four groups; three of them match nothing.
    pattern = r"\{(?P<named>[A-Za-z_]\w*)\} | (?P<braced>(?!)) | (?P<escaped>(?!)) | (?P<invalid>(?!))"  # type: ignore[assignment]

    def misspelt(self, known: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yields each word in braces that is, or nearly is, a placeholder and is not filled: as written, and its name.

        Args:
            known: The names that are filled.
        """
        filled = {f"{{{name}}}" for name in known}
        for found in _BRACES.finditer(self.template):
            written, name = found.groups()
            if name and written not in filled and difflib.get_close_matches(name.lower(), _NAMES, cutoff=0.8):
                yield written, name


def fill(text: str, **values: str) -> str:
    """Puts values in place of their names in braces; what is in the values themselves is not looked at."""
    return Wording(text).safe_substitute(values)
