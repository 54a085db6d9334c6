"""``sfray run``: run the pipeline from any folder."""

from __future__ import annotations

from typing import Annotated

import typer


def run(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Hydra overrides, key=value, and Hydra's own flags.")
    ] = None,
) -> None:
    """Run the method of a config; the same as python launch.py in a checkout.

    -m makes a sweep of several values, as in: sfray run -m run.seed=0,1 'run.name=s${run.seed}'.
    --config-dir DIR puts a config folder of your own in front of the one that ships with sfray.
    --hydra-help says what else Hydra takes.
    """
    from sfray.cli.launch import launch

    launch(overrides or [])
