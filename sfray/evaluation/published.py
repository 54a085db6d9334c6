"""The paper's figures, from ``published.yaml``: another model's, to set a run beside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sfray.config import ReportConfig
from sfray.names import suggestion


@dataclass(frozen=True)
class Row:
    """One trained model of the paper.

    Attributes:
        name: As the paper calls it.
        accuracy: Group (``countdown-4``) -> accuracy in percent.
        countdown: Average over Countdown with 4, 5 and 6 numbers; None where not given.
        average: Average over the table's columns that are not Countdown; None where not given.
    """

    name: str
    accuracy: Mapping[str, float]
    countdown: float | None
    average: float | None


@dataclass(frozen=True)
class Published:
    """The paper's figures for one base model.

    Attributes:
        source: Where they were published.
        model: The base model.
        trained_on: What it was trained on.
        averaged: The groups that ``Row.average`` is over.
        average_of: What they are, in words.
        rows: Key (``base``, ``sft``, ``rl_only``, ``grpo``, …) -> figures.
        skills: Group -> answers and reflections per response and verdict F1 of the
            1.5B model after GRPO.
    """

    source: str
    model: str
    trained_on: str
    averaged: tuple[str, ...]
    average_of: str
    rows: Mapping[str, Row]
    skills: Mapping[str, Mapping[str, float]]

    def beside(self, models: Iterable[str], config: ReportConfig) -> dict[str, Row]:
        """The rows that a run's models are set beside.

        Args:
            models: Labels of the models, in order of training. A label that is a row's key names that row.
            config: ``beside`` names the row of the last model.

        Returns:
            Model -> row, without models that the table knows nothing of.

        Raises:
            ValueError: ``report.beside`` names a row that no table has; names the nearest.
        """
        labels = list(models)
        keys = {label: label for label in labels}
        if config.beside:
            known = {row["key"] for table in _file()["tables"].values() for row in table["rows"]}
            if config.beside not in known:
                raise ValueError(f"report.beside: no row {config.beside!r}{suggestion(config.beside, sorted(known))}")
            keys |= dict.fromkeys(labels[-1:], config.beside)
        return {model: self.rows[key] for model, key in keys.items() if key in self.rows}


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
        raise ValueError(f"report.published: no table {table!r}{suggestion(table, tables)}")
    chosen = tables[table]
    rows = {
        row["key"]: Row(
            row["name"],
            dict(zip(chosen["columns"], row["values"], strict=True)) if "values" in row else {},
            row.get("countdown"),
            row.get("average"),
        )
        for row in chosen["rows"]
    }
    averaged = tuple(c for c in chosen["columns"] if not c.startswith("countdown-"))
    others = " other than Countdown" if len(averaged) < len(chosen["columns"]) else ""
    return Published(
        source=content["source"],
        model=chosen["model"],
        trained_on=chosen["trained_on"],
        averaged=averaged,
        average_of=f"the paper's {len(averaged)}{others}",
        rows=rows,
        skills=content["skills"],
    )
