"""``sfray gc``: remove artifacts that no run refers to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported
from sfray.progress import console


def gc(
    folder: Annotated[Path, typer.Argument(help="Folder of runs, as run.dir.", exists=True, file_okay=False)] = Path(
        "runs"
    ),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove the artifacts below a folder of runs that none of its runs refers to."""
    from sfray.store.listing import remove, size, unused

    with reported():
        found = unused(folder.resolve())
        if not found:
            console.print(f"{folder}: every artifact belongs to a run")
            return
        for path in found:
            console.print(f"{path.relative_to(folder.resolve())}  {size(path) / 2**20:,.1f} MiB", markup=False)
        total = sum(map(size, found))
        if not yes:
            typer.confirm(f"Remove {len(found)} artifacts, {total / 2**20:,.1f} MiB?", abort=True)
        for path in found:
            remove(path)
        console.print(f"[green]removed[/] {len(found)} artifacts, {total / 2**20:,.1f} MiB")
