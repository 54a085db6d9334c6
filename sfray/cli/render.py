"""``sfray render``: the cluster that a config needs, as text for its launcher."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sfray.config.deploy import LAUNCHERS
from sfray.errors import reported

_LAUNCHERS = f"{', '.join(LAUNCHERS[:-1])} or {LAUNCHERS[-1]}."


def render(
    launcher: Annotated[str, typer.Argument(help=_LAUNCHERS)],
    overrides: Annotated[list[str] | None, typer.Argument(help="Hydra overrides, as for launch.py.")] = None,
    conf: Annotated[Path | None, typer.Option(help="Another config tree.")] = None,
    gpu: Annotated[str, typer.Option(help="The GPU of the cluster, for the deadline; as in sfray plan.")] = "h100",
) -> None:
    """Print the cluster that a config needs: nodes, GPUs, memory and limits follow from the stages.

    What is printed has been checked; a config or a manifest that cannot work is refused with status 2.
    """
    from sfray.cli.planning import forecast
    from sfray.compose import CONF, load
    from sfray.deploy.job import job
    from sfray.deploy.rendered import rendered
    from sfray.preflight import preflight

    with reported():
        everything = [f"deploy={launcher}", *(overrides or [])]
        config = load(everything, conf or CONF)
        preflight(config)
        text = rendered(job(config, everything, forecast(config, gpu)))
    sys.stdout.write(text)
