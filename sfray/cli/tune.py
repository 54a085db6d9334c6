"""``sfray tune``: measure engines on this machine, for ``sfray plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported
from sfray.progress import console


def tune(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="As for sfray run: the model and the engine count.", show_default=False)
    ] = None,
    conf: Annotated[Path | None, typer.Option(help="Another config tree.", show_default=False)] = None,
    gpu: Annotated[str, typer.Option(help="Name of this machine's GPU in the table.")] = "h100",
    out: Annotated[
        Path | None, typer.Option(help="The table. Default: sfray/throughput.json in the folder of configs.")
    ] = None,
) -> None:
    """Measure a few settings of the engine on this machine, one at a time, and keep the fastest for sfray plan.

    A trial that was measured before is not measured again.
    """
    from rich.table import Table

    from sfray.compose import CONF, load
    from sfray.costs import tuning
    from sfray.costs.entry import SHIPPED, keep, user_file
    from sfray.costs.plan import chosen_entry
    from sfray.deploy.size import parameters

    with reported():
        config = load(overrides or [], conf or CONF)
        file = out or user_file()
        hardware = "cpu" if config.engine.device == "cpu" else gpu
        tried = tuning.trials(config.engine, _gpus() if hardware != "cpu" else 0)
        others = chosen_entry(config, hardware, [SHIPPED])
        found = tuning.sweep(config, tried, file.with_name(f"{file.stem}-trials.json"))
        entry, best = tuning.tuned(config, tried, found, others, hardware, parameters(config))
        keep(file, entry)
    shown = Table(*tuning.VARIED, "tokens/s", "start, s")
    for i, speed in tuning.speeds(config, tried, found).items():
        cells = [str(value) for value in tuning.varied(tried[i]).values()]
        shown.add_row(*cells, f"{speed:,.0f}", f"{found[i].start:.0f}", style="bold" if tried[i] == best else "")
    console.print(shown)
    settings = " ".join(f"engine.{key}={'null' if value is None else value}" for key, value in entry.engine.items())
    console.print(f"fastest: {settings}\nkept in {file}", markup=False)


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
