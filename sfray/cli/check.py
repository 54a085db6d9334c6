"""``sfray check``: is a config valid?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported
from sfray.progress import console


def check(
    overrides: Annotated[list[str] | None, typer.Argument(help="Hydra overrides, as for launch.py.")] = None,
    conf: Annotated[Path | None, typer.Option(help="Another config tree.")] = None,
    show: Annotated[bool, typer.Option(help="Print the composed config.")] = False,
) -> None:
    """Validate a composed config in under a second, without starting an engine."""
    import yaml

    from sfray.compose import CONF, composed
    from sfray.config.validation import parse
    from sfray.preflight import preflight

    with reported():
        raw = composed(overrides or [], conf or CONF)
        config = parse(raw)
        steps = preflight(config)
    if show:
        console.print(yaml.safe_dump(raw, sort_keys=False), markup=False)
    console.print(f"[green]ok[/]: run {config.run.name!r}, steps {', '.join(steps)}")
