"""``sfray doctor``: does the environment, or a model, hold what a run needs?"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sfray.progress import console


def doctor(
    model: Annotated[str | None, typer.Argument(help="A model to try as well: tiny, a folder or a hub name.")] = None,
) -> None:
    """Say what of the environment, or of a model, is missing or mismatched."""
    from sfray.doctor import examine, examine_model

    findings = examine() + (examine_model(model) if model is not None else [])
    for finding in findings:
        mark = {"ok": "[green]ok[/]  ", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}[finding.level]
        console.print(f"{mark} {finding.what}: {escape(finding.detail)}")
    if any(f.level == "fail" for f in findings):
        raise typer.Exit(1)
