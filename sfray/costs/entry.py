"""The table of throughputs: what was measured, where, and with which model."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sfray.costs.rates import Lengths, Rates
from sfray.io.files import read_json, write_json

SHIPPED = Path(__file__).with_name("throughput.json")
"""The table that comes with sfray."""

SAME_SIZE = 0.15
"""How far the logarithms of two models' parameters may lie apart for one to be planned with the other's figures."""


@dataclass(frozen=True)
class Entry:
    """Throughputs of one model on one kind of hardware.

    Attributes:
        name: What is shown.
        hardware: ``cpu``, or a name of :data:`sfray.costs.roofline.GPUS`.
        cores: CPU cores that the figures hold for; 0 where they do not matter.
        parameters: Of the model.
        measured: The day of the measurement, ``YYYY-MM-DD``; empty for an estimate by formula.
        source: Of what, or by which formula.
        engine: Settings that the figures were measured with.
        rates: The figures.
        lengths: What the model writes; None to use the assumed ones.
    """

    name: str
    hardware: str
    cores: int
    parameters: int
    measured: str
    source: str
    rates: Rates
    engine: Mapping[str, Any] = field(default_factory=dict)
    lengths: Lengths | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        """An entry as the table has it.

        Raises:
            ValueError: A field is missing or unknown.
        """
        try:
            lengths = Lengths(**raw["lengths"]) if raw.get("lengths") else None
            return cls(**{**raw, "rates": Rates(**raw["rates"]), "lengths": lengths})
        except (TypeError, KeyError) as error:
            raise ValueError(f"entry {raw.get('name', '')!r} of a throughput table: {error}") from error

    def fits(self, hardware: str, parameters: int) -> bool:
        """Whether a model of that size on that hardware may be planned with these figures."""
        return self.hardware == hardware and abs(math.log(parameters / self.parameters)) <= SAME_SIZE


def user_file() -> Path:
    """The user's own table, which ``sfray tune`` writes: ``sfray/throughput.json`` of the XDG config folder."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "sfray" / "throughput.json"


def entries(files: Sequence[Path]) -> list[Entry]:
    """The entries of several tables, those of the first file first. Missing files are passed over.

    Raises:
        ValueError: A file is no table.
    """
    found = []
    for file in files:
        if not file.exists():
            continue
        try:
            found += [Entry.of(raw) for raw in read_json(file)["entries"]]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{file}: not a throughput table: {error}") from error
    return found


def keep(file: Path, entry: Entry) -> None:
    """Puts an entry into a table, in place of one of the same name, before all others."""
    others = [other for other in entries([file]) if other.name != entry.name]
    write_json(file, {"entries": [dataclasses.asdict(one) for one in (entry, *others)]})
