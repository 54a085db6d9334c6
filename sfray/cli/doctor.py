"""``sfray doctor``: does the environment hold what a run needs?"""

from __future__ import annotations

import typer

from sfray.progress import console


def doctor() -> None:
    """Say what of the environment is missing or mismatched."""
    from sfray.doctor import examine

    findings = examine()
    for finding in findings:
        mark = {"ok": "[green]ok[/]  ", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}[finding.level]
        console.print(f"{mark} {finding.what}: {finding.detail}")
    if any(f.level == "fail" for f in findings):
        raise typer.Exit(1)
