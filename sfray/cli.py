"""The small commands around a run: check, doctor, score, import, export, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sfray.errors import reported
from sfray.progress import console

app = typer.Typer(help="SkillFactory on Ray: the commands around a run.", no_args_is_help=True, add_completion=False)


@app.command()
def check(
    overrides: Annotated[list[str] | None, typer.Argument(help="Hydra overrides, as for launch.py.")] = None,
    conf: Annotated[Path | None, typer.Option(help="Another config tree.")] = None,
    show: Annotated[bool, typer.Option(help="Print the composed config.")] = False,
) -> None:
    """Validate a composed config in under a second, without starting an engine."""
    import yaml

    from sfray.compose import CONF, composed
    from sfray.preflight import preflight
    from sfray.validation import parse

    with reported():
        raw = composed(overrides or [], conf or CONF)
        config = parse(raw)
        preflight(config)
    if show:
        console.print(yaml.safe_dump(raw, sort_keys=False), markup=False)
    console.print(f"[green]ok[/]: run {config.run.name!r}, stages {', '.join(config.stages)}")


@app.command()
def doctor() -> None:
    """Say what of the environment is missing or mismatched."""
    from sfray.doctor import examine

    findings = examine()
    for finding in findings:
        mark = {"ok": "[green]ok[/]  ", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}[finding.level]
        console.print(f"{mark} {finding.what}: {finding.detail}")
    if any(f.level == "fail" for f in findings):
        raise typer.Exit(1)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="JSONL: the task's own fields and `text`.", exists=True, dir_okay=False)],
    task: Annotated[str, typer.Option(help="Task family, for example countdown.")] = "countdown",
    out: Annotated[
        Path | None, typer.Option(help="Where to write; standard output if not given.", dir_okay=False)
    ] = None,
) -> None:
    """Verify answers from anywhere: one JSON object per line in, one out, same order."""
    from sfray.files import replacing
    from sfray.tasks.score import score_lines

    with reported(), file.open(encoding="utf-8", errors="replace") as lines:
        if out is None:
            for row in score_lines(task, lines):
                typer.echo(json.dumps(row))
            return
        with replacing(out) as temporary, temporary.open("w", encoding="utf-8") as writer:
            for row in score_lines(task, lines):
                writer.write(json.dumps(row) + "\n")  # ASCII: an answer may hold half of a surrogate pair


@app.command()
def report(
    run: Annotated[
        Path, typer.Argument(help="Folder of a run, for example runs/quickstart.", exists=True, file_okay=False)
    ],
) -> None:
    """Write the report page of a run anew, from whatever stages are done."""
    from sfray.pipeline import report as write

    with reported():
        write(run.resolve())


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="Schema of the data: skillfactory, the paper's released raw data.")],
    source: Annotated[str, typer.Argument(help="A .parquet or .jsonl file, a folder of them, or a hub name.")],
    run: Annotated[Path, typer.Option(help="Folder of the run to make, for example runs/released.", file_okay=False)],
    task: Annotated[str, typer.Option(help="Task family that judges the answers.")] = "countdown",
    model: Annotated[str, typer.Option(help="Model whose tokenizer counts: tiny, a folder or a hub name.")] = "tiny",
    shard_questions: Annotated[int, typer.Option(min=1, help="Questions per shard.")] = 16,
    default_variants: Annotated[bool, typer.Option(help="Only the four variants of the released script.")] = False,
    drop_idea_or_fast: Annotated[bool, typer.Option(help='Drop reflections with "idea" or "fast".')] = False,
) -> None:
    """Make the first three stages of a run from data that others sampled."""
    from sfray.interchange.released import Options
    from sfray.interchange.skillfactory import import_run
    from sfray.locks import hold
    from sfray.models import load_tokenizer, resolve, token_ids

    if kind != "skillfactory":
        raise typer.BadParameter(f"no schema {kind!r}; there is skillfactory", param_hint="kind")
    with reported():
        tokenizer = load_tokenizer(resolve(model))
        with hold(run):
            options = Options(default_variants, drop_idea_or_fast)
            counts = import_run(
                source, run, task, lambda text: len(token_ids(tokenizer, text)), shard_questions, model, options
            )
    typer.echo(json.dumps(counts, ensure_ascii=False, indent=2))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run with finished traces.", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    to: Annotated[str, typer.Option(help="sharegpt, llamafactory, trl, trl_messages or verl.")],
    prompts: Annotated[str, typer.Option(help="The run's prompts file.")] = "default",
) -> None:
    """Write a run's traces as another trainer reads them."""
    from sfray.interchange.export import export as write

    with reported():
        counts = write(run, to, out, prompts)
    console.print(f"[green]{out}[/]: " + ", ".join(f"{v:,} {k}" for k, v in counts.items()))


if __name__ == "__main__":
    app()
