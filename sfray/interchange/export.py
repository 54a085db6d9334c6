"""Writes a run's traces, and for verl its questions, as other trainers read them.

    sfray export --to llamafactory runs/quickstart exported/

One file per part of the traces, one part in memory at a time; the folder appears when it
is whole.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from sfray.artifacts import Traces
from sfray.interchange.layout import DATASET_INFO, LAYOUTS, Layout
from sfray.io.arrow import from_table
from sfray.io.files import replacing
from sfray.names import suggestion
from sfray.prompts import Prompts, load
from sfray.records import Question, Trace
from sfray.store.folder import RunFolder
from sfray.store.manifest import Manifest
from sfray.tasks.rl_row import RL_SCHEMA, rl_row

RL_FILES = {"rl": "train.parquet", "eval": "test.parquet"}
"""Split -> verl's file name, below ``rl/``."""


def export(run: Path, to: str, out: Path, prompts: str | None = None, step: str | None = None) -> dict[str, int]:
    """Exports a run.

    Args:
        run: The run's folder; its traces are finished.
        to: A layout of :data:`sfray.interchange.layout.LAYOUTS`.
        out: The folder to write; it must not exist, or be empty.
        prompts: Where the run's prompts file is now; None for where the run found it.
        step: The step that made the traces, whatever its stage; None where there is only one.

    Returns:
        Rows written: ``traces``, and for verl ``rl`` and ``eval``.

    Raises:
        ValueError: No such layout, or the run has no finished traces, or not all of them, or those of
            several steps of which none is named, or the prompts are not those that its traces were made with.
        FileExistsError: There is something at ``out``.
    """
    layout = _layout(to)
    folder = RunFolder(run)
    traces, manifest = _traces(folder, step)
    wording = _wording(folder, manifest, prompts) if to == "verl" else None
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is not empty")
    with replacing(out) as temporary:
        counts = {"traces": _write_traces(traces, temporary / layout.folder, layout)}
        wanted = manifest.counts.get("traces")  # a stage from outside may count something else
        if wanted not in (None, counts["traces"]):
            raise ValueError(f"{traces} holds {counts['traces']} traces, its manifest says {wanted}: parts are missing")
        if to == "llamafactory":
            (temporary / "dataset_info.json").write_text(json.dumps(DATASET_INFO, indent=2) + "\n", encoding="utf-8")
        if wording is not None:
            counts |= _write_questions(_questions(folder), temporary / "rl", wording)
    return counts


def _traces(run: RunFolder, step: str | None) -> tuple[Path, Manifest]:
    """The finished traces of a run, whatever stage made them.

    Raises:
        ValueError: There are none, or those of several steps of which none is named.
    """
    found = {name: entry for name, entry in run.finished().items() if Traces(entry[0]).recognised}
    if not found:
        raise ValueError(f"{run.path}: no finished step has made traces")
    if step is not None and step not in found:
        raise ValueError(f"{run.path}: --step: no traces of a step {step!r}{suggestion(step, found)}")
    if step is None and len(found) > 1:
        raise ValueError(f"{run.path}: several steps have made traces; choose one with --step: {', '.join(found)}")
    return found[step] if step is not None else next(iter(found.values()))


def _questions(run: RunFolder) -> Path:
    """The folder of a run's questions.

    Raises:
        ValueError: There are none, or those of several steps.
    """
    found = run.finished("questions")
    if len(found) != 1:
        made = ", ".join(found) or "none"
        raise ValueError(f"{run.path}: its RL questions must be of one finished step; there are {made}")
    return next(iter(found.values()))[0]


def _wording(run: RunFolder, traces: Manifest, prompts: str | None) -> Prompts:
    """The words that the run's traces were made with: RL questions must be asked in the same ones.

    Raises:
        ValueError: The prompts file says something else now, or is another one.
    """
    config = run.config
    used = yaml.safe_load(config.read_text(encoding="utf-8"))["prompts"] if config.exists() else "default"
    source = prompts or str(used)
    wording, made_with = load(source), traces.config.get("prompts")
    if wording.digest != made_with:
        raise ValueError(
            f"prompts: {source!r} has digest {wording.digest}, the traces of {run.path} were made with {made_with}; "
            f"SFT and RL data of one run must ask in the same words: name the file that the run used with --prompts"
        )
    return wording


def _layout(to: str) -> Layout:
    if to not in LAYOUTS:
        raise ValueError(f"no layout {to!r}{suggestion(to, LAYOUTS)}")
    return LAYOUTS[to]


def _write_traces(traces: Path, folder: Path, layout: Layout) -> int:
    folder.mkdir(parents=True)
    written = 0
    for part in sorted(traces.glob("part-*.parquet")):
        rows = [layout.row(t) for t in from_table(Trace, pq.read_table(part))]
        if not rows:
            continue  # readers infer columns from every file, and an empty one has none
        if layout.schema is None:
            with (folder / f"{part.stem}.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            pq.write_table(pa.Table.from_pylist(rows, layout.schema), folder / part.name, compression="zstd")
        written += len(rows)
    return written


def _write_questions(questions: Path, folder: Path, prompts: Prompts) -> dict[str, int]:
    folder.mkdir(parents=True)
    counts = {}
    for split, name in RL_FILES.items():
        source = pq.ParquetFile(questions / f"{split}.parquet")
        index = 0
        with pq.ParquetWriter(folder / name, RL_SCHEMA, compression="zstd") as writer:
            for batch in source.iter_batches():
                listed = from_table(Question, pa.Table.from_batches([batch]))
                rows = [rl_row(q, prompts, index + i) for i, q in enumerate(listed)]
                index += len(rows)
                writer.write_table(pa.Table.from_pylist(rows, RL_SCHEMA))
        counts[split] = index
    return counts
