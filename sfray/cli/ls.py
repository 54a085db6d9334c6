"""``sfray ls``: the steps of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported
from sfray.progress import console


def ls(
    run: Annotated[
        Path, typer.Argument(help="Folder of a run, for example runs/quickstart.", exists=True, file_okay=False)
    ],
) -> None:
    """List the steps of a run: state, counts, size and time of each."""
    from sfray.store.listing import table

    with reported():
        console.print(table(run.resolve()))
