"""``sfray why``: what is the matter with a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfray.errors import reported
from sfray.progress import console

if TYPE_CHECKING:
    from sfray.store.diagnosis import Diagnosis


def why(
    run: Annotated[
        Path, typer.Argument(help="Folder of a run, for example runs/quickstart.", exists=True, file_okay=False)
    ],
) -> None:
    """Say why a run failed or hangs: the step, the first cause, its log, and what resuming would do again."""
    from sfray.store.diagnosis import diagnose
    from sfray.store.folder import RunFolder

    with reported():
        found = diagnose(RunFolder(run.resolve()))
        if not found:
            console.print("every step that was begun is finished")
        for one in found:
            console.print("\n".join(lines(one)), markup=False)


def lines(found: Diagnosis) -> list[str]:
    """A diagnosis in words, the most important first."""
    said = [f"{found.step}: {found.state}, last wrote {found.quiet / 60:,.0f} min ago"]
    if found.failure:
        (kind, message), *later = found.failure.errors
        said += [f"  died     {found.died}"] if found.died else []
        said += [f"  cause    {kind}: {message}"]
        said += [f"  then     {name}: {text.splitlines()[0] if text else ''}" for name, text in later]
        said += [f"  where    {found.failure.where}"] if found.failure.where else []
        said += [f"  driver   process {found.failure.process} on {found.failure.host}, {found.failure.when}"]
    elif found.driver:
        said += [f"  driver   {found.driver}"]
    said += [f"  worker   {worker}" for worker in found.workers]
    said += [f"  before   {found.incidents}"] if found.incidents else []
    said += [f"  hint     {found.hint}"] if found.hint else []
    said += [f"  log      {path}" for path in found.logs]
    if found.state != "running":
        said.append(f"  resume   the command that started the run makes {found.redone} again")
    return said
