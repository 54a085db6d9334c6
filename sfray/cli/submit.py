"""``sfray submit``: send a run to a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported
from sfray.progress import console


def submit(
    overrides: Annotated[list[str] | None, typer.Argument(help="Hydra overrides, as for launch.py.")] = None,
    conf: Annotated[Path | None, typer.Option(help="Another config tree.")] = None,
    gpu: Annotated[str, typer.Option(help="The GPU of the cluster, for the deadline; as in sfray plan.")] = "h100",
    dry_run: Annotated[bool, typer.Option(help="Print what would be sent.")] = False,
) -> None:
    """Send a run to a cluster: deploy.submit says how, deploy=kuberay, slurm or compose which kind.

    On Kubernetes the config is checked by a pod without GPUs first. Status 2 asks for another config, 75 for another
    try.
    """
    from sfray.cli.planning import forecast
    from sfray.compose import CONF, load
    from sfray.deploy.job import job
    from sfray.deploy.sending import preview, send
    from sfray.preflight import preflight

    with reported():
        config = load(overrides or [], conf or CONF)
        preflight(config)
        made = job(config, overrides or [], forecast(config, gpu))
        if dry_run:
            sys.stdout.write(preview(made))
            return
        if made.deadline:
            console.print(made.deadline, markup=False)
        send(made)
