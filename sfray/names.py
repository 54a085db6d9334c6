"""Errors about unknown names: the nearest valid one, or all there are."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def closest(wrong: str, valid: Collection[str]) -> str:
    """The end of an error that has listed the valid names: ``; did you mean 'sdpa'?``, or nothing."""
    close = difflib.get_close_matches(wrong, valid, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def suggestion(wrong: str, valid: Collection[str], shown: Collection[str] | None = None) -> str:
    """The end of an error about an unknown name.

    Args:
        wrong: What was written.
        valid: All names there are, aliases included.
        shown: Those to list where none is near; None for all.

    Returns:
        ``; did you mean 'uniform'?``, or ``; there are …`` where no valid name is near.
    """
    close = difflib.get_close_matches(wrong, valid, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(shown or valid)}"
