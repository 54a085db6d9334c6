"""The scorers of ``reasoning-gym``: what the worker of :mod:`sfray.tasks.reasoning_gym` serves.

Imported by the worker alone, before its first call: the import is not on the call's bill.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import reasoning_gym.factory  # noqa: F401 - seconds of processor time that the first answer must not pay

from sfray.tasks.reasoning_gym import generator


def score(gold: Mapping[str, Any], answer: str) -> float:
    """The package's own score of an answer.

    Args:
        gold: ``dataset``, ``config`` and ``entry`` of the question.
        answer: What stood between the answer tags.

    Returns:
        0 to 1; anything below 1 is not right.
    """
    scorer = generator(gold["dataset"], json.dumps(gold["config"], sort_keys=True))
    return float(scorer.score_answer(answer, gold["entry"]))
