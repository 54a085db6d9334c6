"""``sfray score``: verify answers from anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported


def score(
    file: Annotated[Path, typer.Argument(help="JSONL: the task's own fields and `text`.", exists=True, dir_okay=False)],
    task: Annotated[str, typer.Option(help="Task family, for example countdown.")] = "countdown",
    out: Annotated[
        Path | None, typer.Option(help="Where to write; standard output if not given.", dir_okay=False)
    ] = None,
) -> None:
    """Verify answers from anywhere: one JSON object per line in, one out, same order."""
    from sfray.io.files import replacing
    from sfray.io.userfiles import utf8_lines
    from sfray.tasks.score import score_lines

    with reported():
        lines = utf8_lines(file)
        if out is None:
            for row in score_lines(task, lines):
                typer.echo(json.dumps(row))
            return
        with replacing(out) as temporary, temporary.open("w", encoding="utf-8") as writer:
            for row in score_lines(task, lines):
                writer.write(json.dumps(row) + "\n")  # ASCII: an answer may hold half of a surrogate pair
