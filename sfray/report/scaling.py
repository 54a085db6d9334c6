"""How fast each step was with more engines, workers or ranks: throughput and efficiency, as a table and a figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from matplotlib import rc_context
from matplotlib.figure import Figure

from sfray.config import Config
from sfray.config.validation import parse
from sfray.io.files import replacing
from sfray.progress import console
from sfray.report import digest
from sfray.report.charts import STYLE
from sfray.report.curves import COLORS, ON_WHITE
from sfray.report.tables import Cell, Table
from sfray.store.folder import RunFolder
from sfray.store.manifest import Manifest
from sfray.store.profile import WORK, profile


@dataclass(frozen=True)
class Measured:
    """One step of one run.

    Attributes:
        step: Its name.
        unit: What there is more or less of: ``engines``, ``builders``, ``workers`` or ``ranks``.
        size: How many of them.
        amount: Tokens, or traces, that it made or trained on.
        seconds: Of work: starts of Ray, processes and engines left out.
        artifact: Its folder.
    """

    step: str
    unit: str
    size: int
    amount: int
    seconds: float
    artifact: Path


@dataclass(frozen=True)
class Point:
    """A step at one size, over all runs that have it.

    Attributes:
        size: Engines, builders, workers or ranks.
        runs: How often it was measured.
        rate: Tokens, or traces, a second.
        efficiency: Share of the smallest size's rate for each unit that is kept.
    """

    size: int
    runs: int
    rate: float
    efficiency: float


Scaling = Mapping[tuple[str, str], Sequence[Point]]
"""Step and unit -> its sizes, the smallest first."""


def measured(run: Path) -> Iterator[Measured]:
    """The finished steps of a run that can be spread.

    Args:
        run: The run's folder.

    Raises:
        ValueError: It is not the folder of a run.
    """
    folder = RunFolder(run)
    if not folder.config.exists():
        raise ValueError(f"{run}: no run of sfray is here: it has no config.yaml")
    config = parse(yaml.safe_load(folder.config.read_text(encoding="utf-8")))
    whole = profile(run)
    for name, (path, manifest) in folder.finished().items():
        unit, size = _size(manifest, config)
        seconds = sum(p.seconds for p in whole.parts if (p.step, p.kind) == (name, WORK)) if whole else 0.0
        amount = manifest.counts.get("traces" if unit == "builders" else "tokens", 0)
        if size and amount and seconds > 0:
            yield Measured(name, unit, size, amount, seconds, path.resolve())


def _size(manifest: Manifest, config: Config) -> tuple[str, int]:
    """What a step is spread over, and how many of it there were; 0 for one that is not."""
    if manifest.stage == "sft":
        return "workers", manifest.config["sft"]["workers"]
    if manifest.stage == "grpo":
        return "ranks", manifest.config["grpo"]["nodes"] * manifest.config["grpo"]["ranks_per_node"]
    if manifest.stage == "traces":
        return "builders", config.trace.builders
    return "engines", config.engine.actors if "engine" in manifest.timings else 0


def scaling(found: Iterable[Measured]) -> Scaling:
    """The throughput and efficiency of each step at each size.

    Raises:
        ValueError: One artifact is counted under two sizes.
    """
    by_artifact: dict[Path, Measured] = {}
    for one in found:
        known = by_artifact.setdefault(one.artifact, one)
        if known.size != one.size:
            raise ValueError(
                f"{one.step}: runs with {known.size} and with {one.size} {one.unit} share {one.artifact}, which was "
                f"made once: give each size a run.dir of its own, as experiment=scaling does"
            )
    grouped: dict[tuple[str, str], dict[int, list[Measured]]] = {}
    for one in by_artifact.values():
        grouped.setdefault((one.step, one.unit), {}).setdefault(one.size, []).append(one)
    return {key: list(_points(sizes)) for key, sizes in grouped.items()}


def _points(sizes: Mapping[int, Sequence[Measured]]) -> Iterator[Point]:
    rates = {n: sum(m.amount for m in some) / sum(m.seconds for m in some) for n, some in sorted(sizes.items())}
    least = min(rates)
    for size, rate in rates.items():
        yield Point(size, len(sizes[size]), rate, rate / size / (rates[least] / least))


def table(found: Scaling) -> Table:
    """The same as a table."""
    rows = [
        [
            Cell(step if i == 0 else "", kind="name"),
            Cell(f"{point.size:,} {unit}"),
            Cell(f"{point.runs:,}"),
            Cell(f"{point.rate:,.0f}", "traces" if unit == "builders" else "tokens"),
            Cell(f"{point.rate * points[0].size / points[0].rate:,.2f}"),
            Cell(f"{point.efficiency:.0%}"),
        ]
        for (step, unit), points in found.items()
        for i, point in enumerate(points)
    ]
    return Table(("step", "size", "runs", "a second", "times", "efficiency"), rows)


def draw(found: Scaling) -> Figure:
    """How many times as fast each step became, against the ideal."""
    figure = Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    sizes = sorted({point.size for points in found.values() for point in points})
    ideal = [size / sizes[0] for size in sizes]
    axes.plot(sizes, ideal, color="#8a8a8a", linestyle=(0, (1, 1.2)), label="ideal")
    for i, ((step, unit), points) in enumerate(found.items()):
        # From the ideal line on: a step whose smallest size is larger is compared with itself.
        start = points[0].size / sizes[0]
        times = [start * point.rate / points[0].rate for point in points]
        axes.plot([p.size for p in points], times, marker="o", color=COLORS[i % len(COLORS)], label=f"{step} ({unit})")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("engines, builders, workers or ranks")
    axes.set_ylabel("times as fast")
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    return figure


def write(file: Path, found: Scaling) -> None:
    """Writes the figure, whole or not at all, in the format of its suffix: ``.png`` or ``.svg``."""
    style: Any = STYLE | ON_WHITE | {"svg.hashsalt": "scaling"}
    with rc_context(style), replacing(file) as temporary:
        metadata = {"Date": None} if file.suffix == ".svg" else {"Software": None}
        draw(found).savefig(temporary, format=file.suffix[1:], dpi=160, metadata=metadata)


def show(runs: Sequence[Path], out: Path | None) -> None:
    """Prints the table of some runs and draws the figure.

    Args:
        runs: Their folders.
        out: File of the figure; None for none.

    Raises:
        ValueError: No step of them is finished that could be spread, or one artifact is counted under two sizes.
    """
    found = scaling(one for run in runs for one in measured(run))
    if not found:
        raise ValueError("no step is finished here that could be spread over engines, builders, workers or ranks")
    console.print(digest.rich("Throughput by size", table(found)))
    if out is not None:
        write(out, found)
        console.print(f"written: {out}", markup=False)
