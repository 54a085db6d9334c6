"""Plans as tables, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sfray.costs.plan import Plan, Planned
from sfray.progress import clock

_LEFT = ("step", "")


def size(number: float) -> str:
    """Bytes: ``3.4 MiB``, ``120 GiB``."""
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20)):
        if number >= factor:
            return f"{number / factor:,.1f} {unit}"
    return f"{number / 2**10:,.0f} KiB" if number else "–"


def count(number: float) -> str:
    """A number of rows or tokens: ``6,400``, ``271k``, ``1.3M``, ``2.1G``."""
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 10 * factor or (number >= factor and unit != "k"):
            return f"{number / factor:,.{0 if number >= 100 * factor else 1}f}{unit}"
    return f"{number:,.0f}" if number else "–"


def work(unit_seconds: float, device: str) -> str:
    """Engines' time: GPU-hours, or core-minutes on CPU."""
    return f"{unit_seconds / 60:,.1f}" if device == "cpu" else f"{unit_seconds / 3600:,.2f}"


def table(plan: Plan) -> Table:
    """The steps of a plan, a row each."""
    made = Table(title=f"run {escape(plan.run)}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    unit = "core-min" if plan.device == "cpu" else "GPU-h"
    for name in ("step", "", "rows", "prompt", "tokens", "at most", "time", "at most", unit, "disk", "peak"):
        made.add_column(name, justify="left" if name in _LEFT else "right", no_wrap=True)
    for step in plan.steps:
        made.add_row(*_cells(step, plan.device))
    made.add_section()
    made.add_row(
        "all",
        "",
        *[""] * 4,
        clock(plan.seconds),
        clock(plan.most),
        work(plan.unit_seconds, plan.device),
        size(plan.disk),
        size(plan.peak),
    )
    return made


def _cells(step: Planned, device: str) -> Sequence[str]:
    volume, cost = step.volume, step.cost
    name = escape(step.name)
    if cost is None:
        return [f"[dim]{name}[/]", f"[green]{step.state}[/]", count(volume.rows), *["–"] * 8]
    time = clock(cost.seconds) if volume.known else "?"
    return [
        name,
        step.state,
        count(volume.rows),
        count(volume.prompts * volume.prompt),
        count(volume.tokens),
        count(volume.tokens_most),
        time,
        clock(cost.most) if volume.known else "?",
        work(cost.seconds * cost.units, device),
        size(cost.disk),
        size(cost.peak),
    ]


def remarks(plan: Plan) -> list[str]:
    """What to know of a plan's figures: where they are from, and what is not in them."""
    entry, rates = plan.entry, plan.entry.rates
    kind = f"measured on {entry.measured}" if entry.measured else "ESTIMATE by formula, not measured"
    lines = [
        f"throughputs: {entry.name} ({kind}: {entry.source})",
        f"  one engine generates {rates.decode_speed(100, 64):,.0f} tokens/s at 100 tokens of context, "
        f"{rates.decode_speed(1000, 64):,.0f} at 1,000 (64 at a time); one worker trains "
        f"{rates.sft_speed(300):,.0f} tokens/s",
    ]
    if entry.lengths is None:
        lines.append("  lengths of responses and shares of right ones are assumed: see docs/costs.md")
    if plan.unknown:
        lines.append(f"  not in the time: {', '.join(plan.unknown)} (no figures for such work)")
    return lines
