"""``sfray scaling``: how fast runs of several sizes were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported


def scaling(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.", exists=True, file_okay=False, metavar="RUN…")],
    out: Annotated[
        Path | None, typer.Option(help="Write the figure here, as .png or .svg.", dir_okay=False, show_default=False)
    ] = None,
) -> None:
    """Print throughput and efficiency of each step by the number of engines, builders, workers or ranks."""
    from sfray.report.scaling import show

    with reported():
        if out is not None and out.suffix not in (".png", ".svg"):
            raise ValueError(f"--out: {out} must end in .png or .svg")
        show([run.resolve() for run in runs], out)
