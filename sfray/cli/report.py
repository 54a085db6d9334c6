"""``sfray report``: write a run's report page again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported


def report(
    run: Annotated[
        Path, typer.Argument(help="Folder of a run, for example runs/quickstart.", exists=True, file_okay=False)
    ],
) -> None:
    """Write the report page of a run again, from whatever stages are done."""
    from sfray.pipeline import report as write

    with reported():
        write(run.resolve())
