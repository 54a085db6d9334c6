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
    """Write the report page of a run again, from whatever steps are done."""
    import dataclasses

    import yaml

    from sfray.compose import load
    from sfray.config.validation import parse
    from sfray.report.page import write
    from sfray.store.folder import RunFolder

    with reported():
        folder = RunFolder(run.resolve())
        # An import leaves no config, and needs none but the report's own.
        last = folder.config
        config = parse(yaml.safe_load(last.read_text(encoding="utf-8"))) if last.exists() else load()
        write(folder, dataclasses.replace(config, run=dataclasses.replace(config.run, name=run.resolve().name)))
