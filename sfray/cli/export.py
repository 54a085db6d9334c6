"""``sfray export``: hand a run's traces to another trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported
from sfray.progress import console


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run with finished traces.", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    to: Annotated[str, typer.Option(help="sharegpt, llamafactory, trl, trl_messages or verl.")],
    prompts: Annotated[
        str | None, typer.Option(help="Where the run's prompts file is now, if it has moved since.")
    ] = None,
    step: Annotated[str | None, typer.Option(help="The step that made the traces, where several did.")] = None,
) -> None:
    """Write a run's traces as another trainer reads them."""
    from sfray.interchange.export import export as write

    with reported():
        counts = write(run, to, out, prompts, step)
    console.print(f"[green]{out}[/]: " + ", ".join(f"{v:,} {k}" for k, v in counts.items()))
