"""``sfray job``: what a cluster runs as its job."""

from __future__ import annotations

from typing import Annotated

import typer

from sfray.errors import REFUSED


def job(
    overrides: Annotated[list[str] | None, typer.Argument(help="As for sfray run.")] = None,
) -> None:
    """Run the pipeline as a Ray job: the same as sfray run, but a refused config ends the job for good.

    Operators start failed jobs again, on new clusters. A job that was stopped they leave alone.
    """
    from sfray.cli.launch import launch
    from sfray.deploy.refusal import stop, submission

    try:
        launch(overrides or [])
    except SystemExit as ended:
        if ended.code == REFUSED and (name := submission()) is not None:
            stop(name)
        raise
