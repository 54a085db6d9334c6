"""The outcomes of a run: every judged response that its results sum up, read from its folder.

All that is known here of a run's folder is known nowhere else in what compares runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from sfray.artifacts import Responses
from sfray.io.arrow import from_table
from sfray.records import Completion, Question
from sfray.store.folder import RunFolder


class NotComparable(ValueError):
    """Runs that cannot be compared, and why."""


@dataclass(frozen=True)
class Outcomes:
    """What a run's models answered.

    Attributes:
        folder: Of the run.
        name: ``run.name``.
        seed: ``run.seed``.
        questions: Id -> question that was asked.
        rows: Model -> its responses; models in the order of its results.
    """

    folder: Path
    name: str
    seed: int
    questions: Mapping[str, Question]
    rows: Mapping[str, Sequence[Completion]]


def outcomes(folder: Path) -> Outcomes:
    """Reads a run.

    Args:
        folder: Of the run, for example ``runs/quickstart``.

    Raises:
        NotComparable: It is no run, or its results are not finished.
    """
    run = RunFolder(folder)
    if not run.config.is_file():
        raise NotComparable(f"{folder} is not the folder of a run: there is no {run.config.name}")
    asked = [path / "eval.parquet" for path, _ in run.finished("questions").values()]
    if not asked:
        raise NotComparable(f"{folder} is not finished: it has no questions")
    name, seed = _identity(run.config)
    questions = {q.id: q for file in asked for q in from_table(Question, pq.read_table(file))}
    return Outcomes(folder, name, seed, questions, _responses(run, questions))


def _identity(config: Path) -> tuple[str, int]:
    """Name and seed of a run, from its config."""
    try:
        run = yaml.safe_load(config.read_text(encoding="utf-8"))["run"]
        return str(run["name"]), int(run["seed"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise NotComparable(f"{config}: run.name and run.seed cannot be read: {error}") from error


def _responses(run: RunFolder, questions: Mapping[str, Question]) -> dict[str, list[Completion]]:
    """Label of each model in the run's results -> its responses."""
    summed, finished = run.finished("results"), run.finished()
    if not summed:
        raise NotComparable(
            f"{run.path} is not finished: it has no results. The command that started the run resumes it"
        )
    folders = {manifest.fingerprint: path for path, manifest in finished.values()}
    found = [(step, label, f) for step, (_, m) in summed.items() for label, f in m.inputs["models"].items()]
    times = Counter(label for _, label, _ in found)
    rows: dict[str, list[Completion]] = {}
    for step, label, fingerprint in found:
        if fingerprint not in folders:
            raise NotComparable(f"{run.path}: the responses of {label!r} are not there")
        # Two results of one model differ in their decoding: their steps tell them apart.
        name = label if times[label] == 1 else f"{label} ({step})"
        rows[name] = list(_read(Responses(folders[fingerprint]).files, questions))
    return rows


def _read(parts: Sequence[Path], questions: Mapping[str, Question]) -> Iterator[Completion]:
    for part in parts:
        for row in from_table(Completion, pq.read_table(part)):
            if row.question_id not in questions:
                raise NotComparable(f"{part}: response {row.id!r} answers none of the run's questions")
            yield row
