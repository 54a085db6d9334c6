"""The reward of GRPO: 1 for a right final answer, 0 for any other text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sfray.tasks.registry import verify

_log = logging.getLogger(__name__)


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,  # noqa: ARG001 - verl passes it by name
    **_: Any,
) -> dict[str, float | str]:
    """Scores one rollout; the signature is verl's.

    An exception is left to rise: verl marks the rollout's group as failed and
    :class:`sfray.training.grpo.replay.StrictReplayBuffer` stops the run. It never
    becomes a zero. An answer that a bounded verifier gave up on earns 0 and is logged.

    Args:
        data_source: Name of the task family.
        solution_str: The decoded response, without special tokens.
        ground_truth: ``Question.gold``.

    Returns:
        ``score`` (the reward), ``acc`` (what verl averages in validation) and ``reason``.
    """
    outcome = verify(data_source, ground_truth, solution_str)
    if not outcome.reason.judged:
        _log.warning("no reward: the verifier could not judge this answer (%s): %.200r", outcome.reason, outcome.answer)
    score = float(outcome.correct)
    return {"score": score, "acc": score, "reason": str(outcome.reason)}
