"""``sfray compare``: compare the models of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sfray.errors import reported
from sfray.progress import console


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(help="Folders of finished runs; NAME=FOLDER says which method one is.", metavar="RUN…"),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="Models of each run. Default: its last one, or all of a single method.", show_default=False),
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Tasks and levels, as countdown-4. Default: all.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write comparison.json, comparison.md, budget.svg and budget.png here.", file_okay=False),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Budget of votes at equal tokens. Default: the longest response.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="Model whose tokenizer counts for the budget curve: tiny, a folder or a hub name."),
    ] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals.")] = 0.95,
) -> None:
    """Compare methods over seeds, paired by question: differences, tests, skills, votes, accuracy per token."""
    from sfray.evaluation.findings import findings
    from sfray.evaluation.outcomes import outcomes
    from sfray.evaluation.study import Study
    from sfray.report.digest import rich, tables

    with reported():
        named = [_named(run) for run in runs]
        study = Study.of([(name, outcomes(folder)) for name, folder in named], model or (), group or ())
        found = findings(study, _counter(tokenizer), tokens, confidence)
        for title, table in tables(found).items():
            console.print(rich(title, table))
        if out is not None:
            _write(out, found)
            console.print(f"written: {out / 'comparison.md'}", markup=False)


def _named(run: str) -> tuple[str | None, Path]:
    """``rl_only=runs/a`` as a name and a folder; a folder may hold ``=`` itself."""
    name, equals, folder = run.partition("=")
    if not equals or Path(run).is_dir():
        return None, Path(run)
    return name, Path(folder)


def _counter(model: str | None) -> Any:
    from sfray.models import load_tokenizer, resolve, token_ids

    if model is None:
        return None
    tokenizer = load_tokenizer(resolve(model))
    return lambda text: len(token_ids(tokenizer, text))


def _write(folder: Path, found: dict[str, Any]) -> None:
    from sfray.io.files import make_folder, replacing, write_json
    from sfray.report import curves
    from sfray.report.digest import page

    make_folder(folder)
    write_json(folder / "comparison.json", found)
    curves.write(folder, found["budget"]["tokens"], found["budget"]["curves"], found["confidence"])
    with replacing(folder / "comparison.md") as temporary:
        temporary.write_text(page(found), encoding="utf-8")
