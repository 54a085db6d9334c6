"""What a run will reuse, resume and make, and which setting makes the difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sfray.io.files import read_json
from sfray.progress import console
from sfray.store.artifact import Artifact
from sfray.store.difference import difference

_SHOWN = 2
"""Differing settings that the table names; the others are counted."""


class State(StrEnum):
    """What happens to the artifact of a step."""

    REUSED = "reused"
    RESUMED = "resumed"
    MADE = "made"


@dataclass(frozen=True)
class Status:
    """The state of an artifact.

    Attributes:
        state: What happens to it.
        detail: How far it is, or what differs from the nearest artifact of its stage.
    """

    state: State
    detail: str = ""


def status(artifact: Artifact, store: Path) -> Status:
    """Looks at an artifact.

    Args:
        artifact: The artifact that a step asks for.
        store: The folder of all artifacts.
    """
    if artifact.done:
        return Status(State.REUSED)
    if artifact.plan_path.exists():
        shards = read_json(artifact.plan_path).get("shards", 0)
        return Status(State.RESUMED, f"{len(artifact.parts())} of {shards} shards" if shards else "")
    return Status(State.MADE, _nearest(artifact, store))


def _nearest(artifact: Artifact, store: Path) -> str:
    """What differs from the artifact of the same stage that differs least; empty without any."""
    wanted = _plain(artifact.config, artifact.inputs)
    plans = [read_json(file) for file in sorted((store / artifact.stage).glob("*/plan.json"))]
    found = sorted((difference(_plain(p["config"], p["inputs"]), wanted) for p in plans), key=len)
    if not found or not found[0]:
        return ""
    lines = [line.strip() for line in found[0]]
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return "; ".join(lines[:_SHOWN]) + more


def _plain(config: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {**config, "input": dict(inputs)}


def show(found: Mapping[str, Status], stages: Mapping[str, str]) -> None:
    """Prints a table of the steps.

    Args:
        found: Step -> its state.
        stages: Step -> its stage.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("step", "stage", "", "difference from the nearest artifact, or progress"):
        table.add_column(name, overflow="fold")
    style = {State.REUSED: "green", State.RESUMED: "yellow", State.MADE: "bold"}
    for name, entry in found.items():
        state = f"[{style[entry.state]}]{entry.state}[/]"
        table.add_row(name, stages[name], state, escape(entry.detail))
    console.print(table)
