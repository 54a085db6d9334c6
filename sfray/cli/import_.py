"""``sfray import``: start a run from data that others sampled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported


def import_(
    kind: Annotated[str, typer.Argument(help="Schema of the data: skillfactory, the paper's released raw data.")],
    source: Annotated[str, typer.Argument(help="A .parquet or .jsonl file, a folder of them, or a hub name.")],
    run: Annotated[Path, typer.Option(help="Folder of the run to make, for example runs/released.", file_okay=False)],
    task: Annotated[str, typer.Option(help="Task family that judges the answers.")] = "countdown",
    model: Annotated[str, typer.Option(help="Model whose tokenizer counts: tiny, nano, a folder, hub name.")] = "tiny",
    shard_questions: Annotated[int, typer.Option(min=1, help="Questions per shard.")] = 16,
    default_variants: Annotated[bool, typer.Option(help="Only the four variants of the released script.")] = False,
    drop_idea_or_fast: Annotated[bool, typer.Option(help='Drop reflections with "idea" or "fast".')] = False,
) -> None:
    """Make the first three steps of a run from data that others sampled."""
    from sfray.config.validation import ConfigError
    from sfray.interchange.released import Options
    from sfray.interchange.skillfactory import import_run
    from sfray.models import load_tokenizer, resolve, token_ids
    from sfray.store.folder import place_problems
    from sfray.store.locks import hold

    if kind != "skillfactory":
        raise typer.BadParameter(f"no schema {kind!r}; there is skillfactory", param_hint="kind")
    with reported():
        place = run.resolve()
        if problems := list(place_problems(place.name, str(run.parent))):  # else nothing could go on with the run
            raise ConfigError(problems)
        tokenizer = load_tokenizer(resolve(model))
        with hold(run):
            options = Options(default_variants, drop_idea_or_fast)
            counts = import_run(
                source, run, task, lambda text: len(token_ids(tokenizer, text)), shard_questions, model, options
            )
    typer.echo(json.dumps(counts, ensure_ascii=False, indent=2))
