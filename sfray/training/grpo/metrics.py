"""verl's step records, in the words of this project: ``metrics.jsonl``.

verl's file logger starts a new file at every launch, so each launch writes its own
``steps/<first step>-<time>.jsonl``; a launch that resumed overrides what an earlier one
wrote of the steps that had to be repeated.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sfray.io.files import create, replacing

NAMES = {
    "critic/score/mean": "reward",
    "response_length/mean": "response_length",
    "response_length/clip_ratio": "truncated",
    "actor/entropy": "entropy",
    "actor/grad_norm": "grad_norm",
    "actor/lr": "lr",
    "actor/kl_loss": "kl",
    "training/rollout_probs_diff_max": "rollout_difference",
    "training/rollout_probs_diff_mean": "rollout_difference_mean",
    "sfray/padded": "padded",
    "sfray/idle": "idle",
    "perf/total_num_tokens": "tokens",
    "timing_s/gen": "seconds_rollout",
    "timing_s/old_log_prob": "seconds_log_prob",
    "timing_s/update_actor": "seconds_update",
    "timing_s/update_weights": "seconds_sync",
    "timing_s/testing": "seconds_validation",
    "timing_s/save_checkpoint": "seconds_save",
    "timing_s/step": "seconds",
}
"""verl's key -> ours. ``truncated`` is the share of responses that reached ``grpo.max_response``, ``padded`` the
share of positions of the actor's update that are padding, ``idle`` the share of the rollouts' time after their end."""

_VALIDATION = "val-core/"


def record(line: str) -> dict[str, Any]:
    """One line of verl's file logger as one of ours; keys that verl did not log are absent."""
    raw = json.loads(line)
    data: Mapping[str, Any] = raw["data"]
    row: dict[str, Any] = {"step": raw["step"]}
    row |= {ours: data[theirs] for theirs, ours in NAMES.items() if theirs in data}
    accuracy = {k: v for k, v in data.items() if k.startswith(_VALIDATION) and "/acc/mean@" in k}
    if accuracy:
        row["validation_accuracy"] = sum(accuracy.values()) / len(accuracy)
    return row


def new_file(folder: Path, resumed: int) -> Path:
    """The step file of a launch that starts after step ``resumed``."""
    path = folder / "steps" / f"{resumed:06d}-{time.time_ns() // 1_000_000}.jsonl"
    create(path, "")
    return path


def read(folder: Path) -> list[dict[str, Any]]:
    """Every step's record, over all launches, in order; half-written last lines are passed over."""
    rows: dict[int, dict[str, Any]] = {}
    for path in sorted((folder / "steps").glob("*.jsonl"), key=_launch):
        resumed = int(path.name.split("-")[0])
        rows = {step: row for step, row in rows.items() if step <= resumed}
        for line in _whole_lines(path):
            row = record(line)
            if "reward" in row:  # validation before training is logged under the step it resumes from
                rows[row["step"]] = row
    return [rows[step] for step in sorted(rows)]


def validation_before(folder: Path) -> float | None:
    """The validation accuracy before the first step, where ``grpo.validate_first`` had it measured."""
    for path in sorted((folder / "steps").glob("*.jsonl"), key=_launch):
        for line in _whole_lines(path):
            row = record(line)
            if row["step"] == 0 and "validation_accuracy" in row:
                return float(row["validation_accuracy"])
    return None


def unrecorded(folder: Path, rows: Iterable[Mapping[str, Any]], steps: int) -> list[int]:
    """The steps of ``1..steps`` without a record, apart from those that can lack one.

    verl saves a checkpoint before it logs the step: when it dies in between, the step is
    done and resumed from, and its record is lost.
    """
    resumed = {int(path.name.split("-")[0]) for path in (folder / "steps").glob("*.jsonl")}
    return sorted({*range(1, steps + 1)} - {row["step"] for row in rows} - resumed)


def write(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes ``metrics.jsonl`` atomically."""
    with replacing(folder / "metrics.jsonl") as temporary:
        temporary.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _launch(path: Path) -> int:
    return int(path.stem.split("-")[1])


def _whole_lines(path: Path) -> list[str]:
    text = path.read_text()
    return text[: text.rfind("\n") + 1].splitlines()
