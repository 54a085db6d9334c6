"""What a run was expected to cost, and when its drivers were at it: ``account.json`` in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from sfray.io.files import read_json, write_json

NAME = "account.json"


@dataclass(frozen=True)
class Driver:
    """One process that ran the run's steps, in seconds since the epoch.

    Attributes:
        process: When it was started.
        began: When it began with the steps: imports and the composing of the config lie before.
    """

    process: float
    began: float


@dataclass(frozen=True)
class Account:
    """The account of a run.

    Attributes:
        planned: Step -> ``seconds``, ``rows`` and ``tokens`` that were expected before it was first made.
        throughput: Name of the throughputs that the plan was made with.
        measured: Whether they were measured; otherwise a formula's.
        drivers: The processes that worked on it.
    """

    planned: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    throughput: str = ""
    measured: bool = False
    drivers: tuple[Driver, ...] = ()

    @classmethod
    def read(cls, run: Path) -> Self:
        """The account of a run; an empty one where it has none.

        Args:
            run: The run's folder.
        """
        if not (run / NAME).exists():
            return cls()
        raw: dict[str, Any] = read_json(run / NAME)
        return cls(**{**raw, "drivers": tuple(Driver(**driver) for driver in raw["drivers"])})

    def write(self, run: Path) -> None:
        """Writes it into a run's folder."""
        write_json(run / NAME, asdict(self))
