"""Accuracy as a function of tokens: what a model would have answered under a tighter limit.

spent = answered_at(row, count)            # 312: its final answer was complete after 312 tokens
solved([312, None, 90], budgets=[100, 400])    # how many of them are right at each budget
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sfray.records import Completion
from sfray.tasks.answer import complete_at

POINTS = 48
"""Budgets on a curve."""

Count = Callable[[str], int]
"""Counts the tokens of a text."""


def answered_at(row: Completion, count: Count | None = None) -> int | None:
    """Tokens of a right response up to the end of its final answer.

    Args:
        row: The response.
        count: The tokenizer of its model. Without one, tokens are taken to be equally long, which
            is exact for a response that ends with its answer.

    Returns:
        None for a response that is not right: no budget makes it so.
    """
    end = complete_at(row.text) if row.correct else None
    if end is None:
        return None
    rest = row.text[end:]
    if not rest.strip():
        return row.tokens
    spent = count(row.text[:end]) if count else math.ceil(row.tokens * end / len(row.text))
    return min(spent, row.tokens)


def budgets(longest: int) -> list[int]:
    """Evenly spaced budgets up to the longest response; one where all are empty."""
    step = max(1, math.ceil(longest / POINTS))
    return list(range(step, max(1, longest) + step, step))


def solved(spent: Iterable[int | None], limits: Sequence[int]) -> NDArray[np.int64]:
    """How many responses to one question are right within each budget, shape (budgets,)."""
    ends = np.sort([s for s in spent if s is not None])
    return np.searchsorted(ends, limits, side="right")
