"""From judged responses to ``results.json``: its schema is documented in ``docs/results.md``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.table import Table

from sfray.artifacts import Questions, Responses
from sfray.config import EvaluateConfig
from sfray.config.settings import ResultSettings
from sfray.evaluation.groups import group, ordered
from sfray.evaluation.intervals import Estimate, average, difference, mean_rate
from sfray.evaluation.scorecard import Tally, card
from sfray.evaluation.skills import read, verdict_scores
from sfray.grammar import ATTEMPT
from sfray.io.arrow import from_table
from sfray.io.files import write_json
from sfray.progress import console
from sfray.records import Completion, Question
from sfray.seeds import derive
from sfray.skills.registry import skills as declared
from sfray.skills.registry import tags as tags_of
from sfray.store.artifact import Artifact
from sfray.tasks.lenient import verify_leniently

SCHEMA = 1
BINS = 24
"""Bars of the length histogram, the same edges for every model."""


@dataclass(frozen=True)
class Evaluated:
    """One model's evaluation.

    Attributes:
        parts: Parquet files of :class:`Completion` rows, read one after the other.
        decoding: How they were sampled.
    """

    parts: Sequence[Path]
    decoding: EvaluateConfig


@dataclass
class Cell:
    """What one model did on one group of questions.

    Attributes:
        task: Name of the task.
        level: Level within it.
        tags: Skill -> tag, for every skill that is counted.
        tallies: Question id -> its tally; every question of the group has one.
        tokens: Length of each response.
        reasons: Outcome reason -> responses.
        faults: Fault of the grammar -> how often it occurs.
    """

    task: str
    level: str
    tags: Mapping[str, str]
    tallies: dict[str, Tally]
    tokens: list[int] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, row: Completion, gold: str) -> None:
        """Counts one response."""
        skills = read(row.text, row.task, gold, row.answer, self.tags)
        tally = self.tallies[row.question_id]
        tally.add(row, skills, gold)
        tally.lenient += row.correct or verify_leniently(row.task, gold, row.text).correct
        self.faults.update(asdict(skills.faults))
        self.tokens.append(row.tokens)
        self.reasons[row.reason] += 1

    def column(self, name: str) -> NDArray[np.float64]:
        """One figure of every question, in the order of the questions."""
        return np.array([getattr(t, name) for t in self.tallies.values()], float)


def write(config: ResultSettings, output: Artifact, questions: Questions, models: Mapping[str, Responses]) -> None:
    """Sums up the models' responses in ``results.json`` and prints their accuracies.

    Args:
        config: The settings.
        output: Where to write.
        questions: What the models were asked.
        models: Label of each model -> its responses, in order of training.

    Raises:
        ValueError: See :func:`summarise`.
    """
    evaluated = {
        label: Evaluated(r.files, EvaluateConfig(**r.manifest.config["evaluate"])) for label, r in models.items()
    }
    results = summarise(evaluated, questions.file, config)
    write_json(output.path / "results.json", results)
    show(results)
    overall = {name: model["overall"] for name, model in results["models"].items() if model["overall"]}
    output.commit(
        counts={
            "questions": max((m["questions"] for m in overall.values()), default=0),
            "completions": sum(m["completions"] for m in overall.values()),
            "missing": sum(m["missing"] for m in overall.values()),
        },
        metrics={"accuracy": {name: m["accuracy"] for name, m in overall.items()}},
    )


def show(results: Mapping[str, Any]) -> None:
    """Prints the accuracy of every model at every level."""
    models = results["models"]
    table = Table(title=f"Accuracy, % ({results['confidence']:.0%} interval)", title_justify="left")
    table.add_column("group")
    for name in models:
        table.add_column(name, justify="right")
    rows = {
        name: {m: model["levels"][name] for m, model in models.items()}
        for name in next(iter(models.values()))["levels"]
    }
    if len(rows) > 1:
        rows["average"] = {m: model["overall"] for m, model in models.items() if model["overall"]}
    for name, by_model in rows.items():
        table.add_row(name, *(percent(by_model[m]["accuracy"]) if m in by_model else "-" for m in models))
    console.print(table)


def percent(estimate: Mapping[str, float] | None) -> str:
    """An estimate as people read it: ``35.7 (30.7-41.1)``, in percent."""
    if estimate is None:
        return "-"
    return f"{100 * estimate['mean']:.1f} ({100 * estimate['low']:.1f}-{100 * estimate['high']:.1f})"


def summarise(models: Mapping[str, Evaluated], questions: Path, config: ResultSettings) -> dict[str, Any]:
    """Sums up evaluations of the same questions.

    Args:
        models: Label of each model -> its responses, in order of training.
        questions: Parquet file of the questions that were asked.
        config: For the confidence and the seed.

    Returns:
        The content of ``results.json``.

    Raises:
        ValueError: A completion is there twice, or answers no question of the file, or
            ``results.skills`` names no skill.
    """
    asked = from_table(Question, pq.read_table(questions))
    golds = {q.id: q.gold for q in asked}
    tags = tags_of(declared(config.results.skills, "results.skills"))
    cells = {label: _filled(label, evaluated, asked, golds, tags) for label, evaluated in models.items()}
    first = next(iter(models.values())).decoding
    longest = max((max(c.tokens, default=0) for by in cells.values() for c in by.values()), default=0)
    edges = bin_edges(longest)
    return {
        "schema": SCHEMA,
        "confidence": config.results.confidence,
        "samples_per_question": first.n,
        "decoding": asdict(first),
        "histogram_edges": edges,
        "models": {label: _model(by, edges, models[label].decoding, config) for label, by in cells.items()},
        "differences": list(_differences(cells, config)),
    }


def bin_edges(longest: int, bins: int = BINS) -> list[int]:
    """Edges of equal whole-numbered bins from 0 to past the longest response."""
    width = longest // bins + 1
    return [i * width for i in range(bins + 1)]


def histogram(values: Sequence[int], edges: Sequence[int]) -> list[int]:
    """Values per bin ``[edge, next edge)``."""
    return [int(n) for n in np.histogram(np.asarray(values, int), bins=np.asarray(edges, float) - 0.5)[0]]


def quantiles(values: Sequence[int]) -> dict[str, float] | None:
    """Mean and quantiles of lengths; None without any."""
    if not len(values):
        return None
    a = np.asarray(values)
    p50, p90, p99 = np.quantile(a, [0.5, 0.9, 0.99], method="higher")
    return {"mean": round(float(a.mean()), 2), "p50": int(p50), "p90": int(p90), "p99": int(p99), "max": int(a.max())}


def _filled(
    label: str,
    evaluated: Evaluated,
    asked: Sequence[Question],
    golds: Mapping[str, str],
    tags: Mapping[str, str],
) -> dict[str, Cell]:
    """What one model did, by group."""
    cells = _empty_cells(asked, tags)
    for row in _unique(evaluated.parts):
        if row.question_id not in golds:
            raise ValueError(f"results: completion {row.id!r} of {label!r} answers none of these questions")
        cells[group(row.task, row.level)].add(row, golds[row.question_id])
    return cells


def _unique(parts: Iterable[Path]) -> Iterator[Completion]:
    seen: set[str] = set()
    for part in parts:
        for row in from_table(Completion, pq.read_table(part)):
            if row.id in seen:
                raise ValueError(f"results: completion {row.id!r} is there twice (again in {part.name})")
            seen.add(row.id)
            yield row


def _empty_cells(questions: Sequence[Question], tags: Mapping[str, str]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for q in questions:
        cells.setdefault(group(q.task, q.level), Cell(q.task, q.level, tags, {})).tallies[q.id] = Tally()
    return {name: cells[name] for name in ordered(cells)}


def _model(
    cells: Mapping[str, Cell], edges: Sequence[int], decoding: EvaluateConfig, config: ResultSettings
) -> dict[str, Any]:
    levels = {
        name: _summary([cell], edges, decoding, config)
        | {"level": cell.level, "scorecard": card(cell.tallies.values(), config.results.confidence)}
        for name, cell in cells.items()
    }
    tasks: dict[str, list[Cell]] = {}
    for cell in cells.values():
        tasks.setdefault(cell.task, []).append(cell)
    averages = {task: _averaged(members, edges, decoding, config) for task, members in tasks.items()}
    answered = any(c.tokens for c in cells.values())
    overall = _averaged(list(cells.values()), edges, decoding, config) if answered else None
    return {"levels": levels, "tasks": averages, "overall": overall}


def _averaged(
    cells: Sequence[Cell], edges: Sequence[int], decoding: EvaluateConfig, config: ResultSettings
) -> dict[str, Any]:
    return _summary(cells, edges, decoding, config) | {"levels": [group(c.task, c.level) for c in cells]}


def _rate(cells: Sequence[Cell], name: str, confidence: float) -> Estimate | None:
    """A rate averaged over cells, each with the same weight."""
    rates = [mean_rate(c.column(name), c.column("trials"), confidence) for c in cells]
    return average([r for r in rates if r])


def _summary(
    cells: Sequence[Cell], edges: Sequence[int], decoding: EvaluateConfig, config: ResultSettings
) -> dict[str, Any]:
    """Figures of one cell, or of several: rates averaged over cells, counts and verdicts pooled."""
    confidence = config.results.confidence
    asked = sum(len(c.tallies) for c in cells)
    trials = sum(c.column("trials").sum() for c in cells)
    tokens = [t for c in cells for t in c.tokens]
    verdicts = [t.verdicts for c in cells for t in c.tallies.values()]
    accuracy, lenient, cut = (_rate(cells, name, confidence) for name in ("correct", "lenient", "truncated"))
    return {
        "task": " + ".join(dict.fromkeys(c.task for c in cells)),
        "questions": asked,
        "completions": int(trials),
        "missing": sum(len(c.tallies) * decoding.samples(c.task) for c in cells) - int(trials),
        "accuracy": accuracy.to_json() if accuracy else None,
        "lenient_accuracy": lenient.to_json() if lenient else None,
        "truncated": cut.to_json() if cut else None,
        "answers_per_response": _per_response(cells, "answers"),
        "reflections_per_response": _per_response(cells, "reflections"),
        "responses_with_reflection": _per_response(cells, "reflected"),
        "skills": {skill: _use(cells, skill) for skill in cells[0].tags if skill != ATTEMPT},
        "valid_grammar": _per_response(cells, "valid"),
        "grammar_faults": dict(sum((c.faults for c in cells), Counter())),
        "verdicts": verdict_scores(np.array(verdicts).reshape(-1, 2, 3), confidence),
        "tokens": quantiles(tokens),
        "histogram": histogram(tokens, edges),
        "reasons": dict(sum((c.reasons for c in cells), Counter()).most_common()),
    }


def _use(cells: Sequence[Cell], skill: str) -> dict[str, float | None]:
    """How much a skill is used: segments per response, and the share of responses with at least one."""
    return {
        "per_response": _mean(cells, lambda tally: tally.segments[skill]),
        "responses": _mean(cells, lambda tally: tally.using[skill]),
    }


def _per_response(cells: Sequence[Cell], name: str) -> float | None:
    return _mean(cells, lambda tally: getattr(tally, name))


def _mean(cells: Sequence[Cell], figure: Callable[[Tally], int]) -> float | None:
    """A count per response, averaged over cells, each with the same weight."""
    means = [sum(map(figure, c.tallies.values())) / n for c in cells if (n := c.column("trials").sum())]
    return round(float(np.mean(means)), 4) if means else None


def _differences(cells: Mapping[str, Mapping[str, Cell]], config: ResultSettings) -> Iterator[dict[str, Any]]:
    """Later model minus earlier one, per group and averaged over all of them."""
    for earlier, later in combinations(cells, 2):
        names = list(cells[later])
        paired = {name: _paired_rates(cells[later][name], cells[earlier][name]) for name in names}
        for name, chosen in [*((n, [n]) for n in names), *([("overall", names)] if len(names) > 1 else [])]:
            seed = derive(config.run.seed, "evaluate", "difference", later, earlier, name)
            ours, theirs = [paired[n][0] for n in chosen], [paired[n][1] for n in chosen]
            estimate = difference(ours, theirs, seed, config.results.confidence)
            if estimate:
                yield {"model": later, "minus": earlier, "group": name, **estimate.to_json()}


def _paired_rates(ours: Cell, theirs: Cell) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pass rates of the questions that both models answered."""
    n, m = ours.column("trials"), theirs.column("trials")
    both = (n > 0) & (m > 0)
    return ours.column("correct")[both] / n[both], theirs.column("correct")[both] / m[both]
