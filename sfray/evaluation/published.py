"""The paper's figures, from ``published.yaml``: another model's, to set a run beside."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Row:
    """One trained model of the paper.

    Attributes:
        name: As the paper calls it.
        accuracy: Group (``countdown-4``) -> accuracy in percent.
        countdown: Average over Countdown with 4, 5 and 6 numbers; None where not given.
        average: The table's own average: out-of-domain, or of all columns; None where not given.
    """

    name: str
    accuracy: Mapping[str, float]
    countdown: float | None
    average: float | None


@dataclass(frozen=True)
class Published:
    """The paper's figures for one base model.

    Attributes:
        source: Where they stand.
        model: The base model.
        trained_on: What it was trained on.
        rows: Key (``base``, ``sft``, ``rl_only``, ``grpo``, …) -> figures.
        skills: Group -> answers and reflections per response and verdict F1 of the
            1.5B model after GRPO.
    """

    source: str
    model: str
    trained_on: str
    rows: Mapping[str, Row]
    skills: Mapping[str, Mapping[str, float]]

    def beside(self, model: str, init: str) -> Row | None:
        """The row that a run's model is set beside.

        Args:
            model: ``base``, ``sft`` or ``grpo``.
            init: ``grpo.init``: what GRPO started from.
        """
        return self.rows.get("rl_only" if model == "grpo" and init == "base" else model)


@cache
def _file() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def published(table: str) -> Published:
    """The figures of one table.

    Raises:
        ValueError: ``report.published`` names no table; names the nearest.
    """
    content = _file()
    tables = content["tables"]
    if table not in tables:
        close = difflib.get_close_matches(table, tables, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(tables)}"
        raise ValueError(f"report.published: no table {table!r}{hint}")
    chosen = tables[table]
    rows = {
        row["key"]: Row(
            row["name"],
            dict(zip(chosen["columns"], row["values"], strict=True)),
            row.get("countdown"),
            row.get("ood", row.get("average")),
        )
        for row in chosen["rows"]
    }
    return Published(content["source"], chosen["model"], chosen["trained_on"], rows, content["skills"])
