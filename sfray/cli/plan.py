"""``sfray plan``: what a run or a sweep will cost, before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported
from sfray.progress import clock, console


def plan(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="As for sfray run; several values make a sweep.", show_default=False)
    ] = None,
    conf: Annotated[Path | None, typer.Option(help="Another config tree.", show_default=False)] = None,
    gpu: Annotated[str, typer.Option(help="The GPU of the cluster: a100, h100, h200 or l40s.")] = "h100",
    beside: Annotated[
        Path | None,
        typer.Option(
            help="A finished run: plan its config again, and set that beside what it took.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print what each step will make and cost; starts nothing.

    Steps that are done, or that another run of the sweep makes, cost nothing.
    """
    from sfray.cli.planning import sweep
    from sfray.compose import CONF
    from sfray.costs.table import remarks, size, table, work

    if beside is not None:
        _beside(beside.resolve(), gpu)
        return
    with reported():
        plans = sweep([text for text in overrides or [] if text not in ("-m", "--multirun")], conf or CONF, gpu)
    for one in plans:
        console.print(table(one))
    for line in dict.fromkeys(line for one in plans for line in remarks(one)):
        console.print(line, style="dim", markup=False)
    if len(plans) > 1:
        unit = "core-minutes" if plans[0].device == "cpu" else "GPU-hours"
        console.print(
            f"[bold]{len(plans)} runs[/]: {clock(sum(p.seconds for p in plans))}, at most "
            f"{clock(sum(p.most for p in plans))}; {work(sum(p.unit_seconds for p in plans), plans[0].device)} {unit}; "
            f"{size(sum(p.disk for p in plans))} on disk"
        )


def _beside(run: Path, gpu: str) -> None:
    from rich.table import Table

    from sfray.cli.planning import replayed

    with reported():
        rows = replayed(run, gpu)
    shown = Table(title=f"run {run.name}", title_justify="left")
    for name in ("step", "planned", "took", "off"):
        shown.add_column(name, justify="left" if name == "step" else "right")
    total = ("all", sum(planned for _, planned, _ in rows), sum(took for *_, took in rows))
    for name, planned, took in [*rows, total]:
        shown.add_row(name, clock(planned), clock(took), f"{planned / took - 1:+.0%}" if took >= 1 else "–")
    console.print(shown)
