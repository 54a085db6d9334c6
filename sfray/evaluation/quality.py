"""How good attempts and reflections are, before a minute of training is spent on them.

Per task and level, and per prompt variant: accuracy of attempts, share of valid
reflections, precision, recall and F1 of the verdicts; pool sizes, the traces to expect
and what SFT on them costs. Written to ``quality.json``; below the floors of
``config.quality`` the run stops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sfray.artifacts import Attempts, Questions, Reflections
from sfray.config.settings import QualitySettings
from sfray.evaluation.cost import parameters, sft_cost
from sfray.evaluation.floors import QualityFloor, check
from sfray.evaluation.groups import group, ordered
from sfray.evaluation.intervals import mean_rate, ratio
from sfray.evaluation.results import percent
from sfray.evaluation.skills import no_verdicts, said, verdict_scores
from sfray.evaluation.yields import Yield
from sfray.io.arrow import from_table
from sfray.io.files import write_json
from sfray.models import ModelError, resolve
from sfray.progress import console
from sfray.records import Attempt, Question, Reflection
from sfray.store.artifact import Artifact
from sfray.tasks.lenient import verify_leniently
from sfray.tasks.outcome import Reason
from sfray.traces.demand import in_probe

SCHEMA = 1
NEAR_ZERO = 0.01
"""Accuracy below which a level is called out: the model practically cannot do it."""

_COLUMNS = ("attempts", "correct", "lenient", "truncated", "unanswered", "unjudged", "reflections", "valid")
_WIDTH = len(_COLUMNS) + 6  # the flattened verdict counts follow

Row = NDArray[np.int64]
"""Counts of one question: ``_COLUMNS``, then its verdicts, flattened; shape (14,)."""


Variant = tuple[str, bool]
"""A prompt variant, and whether the right answer was given away (its hinted twin)."""

Shard = tuple[list[Question], list[Attempt], list[Reflection]]
"""The same questions' rows of three stages."""


@dataclass
class _Group:
    """One task and level.

    Attributes:
        totals: Counts of each question.
        unaided: Counts of each question, hinted attempts left out.
        variants: Counts of each question that has attempts of a variant.
        yielded: What the questions yield.
    """

    totals: list[Row] = field(default_factory=list)
    unaided: list[Row] = field(default_factory=list)
    variants: defaultdict[Variant, list[Row]] = field(default_factory=lambda: defaultdict(list))
    yielded: Yield = field(default_factory=Yield)


def write(
    config: QualitySettings,
    output: Artifact,
    model: str,
    questions: Questions,
    attempts: Attempts,
    reflections: Reflections,
) -> None:
    """Measures quality, writes ``quality.json`` and holds it against the floors.

    Args:
        config: The settings.
        output: Where to write.
        model: The model to be trained, for what that costs.
        questions: The questions.
        attempts: The attempts at them.
        reflections: The reflections on those.

    Raises:
        QualityFloor: A figure is below its floor; ``quality.json`` is there to be read.
    """
    report = measure(_shards(questions, attempts, reflections), config, model, reflections.lazy)
    write_json(output.path / "quality.json", report)
    show(report)
    failed = [c for c in check(report["overall"], config.quality) if not c.ok]
    if failed:
        raise QualityFloor(failed, output.path / "quality.json")
    overall, expected = report["overall"], report["overall"]["yield"]
    output.commit(
        counts={k: overall[k] for k in ("questions", "attempts", "reflections")}
        | {"traceable_questions": expected["traceable_questions"], "expected_traces": expected["traces"]},
        metrics={"warnings": report["warnings"]},
    )


def measure(shards: Iterable[Shard], config: QualitySettings, model: str, lazy: bool = False) -> dict[str, Any]:
    """The content of ``quality.json``; only counts stay in memory from shard to shard.

    Args:
        shards: The rows.
        config: The settings.
        model: The model to be trained.
        lazy: Whether the reflections are those that traces need. Most are on correct attempts then, so the figures
            of verdicts are of a sample that was drawn without looking at an attempt, ``quality.probe`` of all.
    """
    groups: defaultdict[str, _Group] = defaultdict(_Group)
    for questions, attempts, reflections in shards:
        by_question, on_question = _by_question(attempts), _by_question(reflections)
        for q in questions:
            into = groups[group(q.task, q.level)]
            tried, reflected = by_question[q.id], on_question[q.id]
            into.yielded.add(q.id, q.text, tried, reflected, config)
            counts = _count(q, tried, [r for r in reflected if not lazy or _in_sample(r, config)])
            into.totals.append(_sum(counts.values()))
            into.unaided.append(_sum(row for (_, hinted), row in counts.items() if not hinted))
            for variant, row in counts.items():
                into.variants[variant].append(row)
    seen = {"mode": "lazy", "probe": config.quality.probe} if lazy else {"mode": "all"}
    return _report({name: groups[name] for name in ordered(groups)}, config, model) | {"reflected": seen}


def _in_sample(reflection: Reflection, config: QualitySettings) -> bool:
    """Whether a reflection was asked for whatever the traces need."""
    return reflection.sample == 0 and in_probe(reflection.attempt_id, config.quality.probe, config.run.seed)


def _shards(questions: Questions, attempts: Attempts, reflections: Reflections) -> Iterator[Shard]:
    """Shard i of attempts and of reflections holds the questions of row group i."""
    with pq.ParquetFile(questions.file) as file:
        for i in range(file.num_row_groups):
            yield (
                from_table(Question, file.read_row_group(i)),
                from_table(Attempt, pq.read_table(attempts.shard(i))),
                from_table(Reflection, pq.read_table(reflections.shard(i))),
            )


def _by_question(rows: Sequence[Any]) -> defaultdict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.question_id].append(row)
    return found


def _sum(rows: Iterable[Row]) -> Row:
    return sum(rows, np.zeros(_WIDTH, np.int64))


def _count(question: Question, attempts: Sequence[Attempt], reflections: Sequence[Reflection]) -> dict[Variant, Row]:
    """One question's counts per variant, hinted twins apart."""
    rows: defaultdict[Variant, Row] = defaultdict(lambda: np.zeros(_WIDTH, np.int64))
    truths: dict[str, tuple[Variant, bool | None]] = {}
    for a in attempts:
        variant = (a.variant, a.hinted)
        judged = Reason(a.reason).judged
        truths[a.id] = (variant, a.correct if judged else None)
        lenient = a.correct or verify_leniently(question.task, question.gold, a.text).correct
        rows[variant][:6] += (1, a.correct, lenient, a.finish == "length", a.answer is None, not judged)
    for r in reflections:
        if r.attempt_id not in truths:
            raise ValueError(f"quality: reflection {r.id!r} is on an attempt that is not in its shard")
        variant, correct = truths[r.attempt_id]
        if correct is None:  # it is unknown which verdict would have been right
            continue
        verdict = no_verdicts()
        verdict[int(correct), said(r.verdict)] = 1
        rows[variant][6:] += (1, r.valid, *verdict.flatten())
    return dict(rows)


def _report(groups: Mapping[str, _Group], config: QualitySettings, model: str) -> dict[str, Any]:
    confidence = config.results.confidence
    yielded = Yield()
    for g in groups.values():
        yielded = yielded.merged(g.yielded)
    totals = [row for g in groups.values() for row in g.totals]
    unaided = [row for g in groups.values() for row in g.unaided]
    overall = _figures(totals, unaided, confidence) | _counted(yielded)
    by_group = {
        name: _figures(g.totals, g.unaided, confidence)
        | _counted(g.yielded)
        | {"variants": {_title(v): _figures(rows, rows, confidence) for v, rows in sorted(g.variants.items())}}
        for name, g in groups.items()
    }
    weights = _parameters(model)
    cost = sft_cost(yielded.traces, yielded.tokens, config.sft, weights)
    return {
        "schema": SCHEMA,
        "confidence": confidence,
        "recipe": config.trace.recipe,
        "overall": overall,
        "groups": by_group,
        "estimated_cost": {"parameters": weights, **cost.to_json()},
        "warnings": list(_warnings(by_group)),
        "floors": [c.to_json() for c in check(overall, config.quality)],
    }


def _counted(yielded: Yield) -> dict[str, Any]:
    return {"questions": len(yielded.longest), "yield": yielded.to_json()}


def _parameters(model: str) -> int | None:
    try:
        return parameters(resolve(model))
    except ModelError:  # imported data can be looked at without the model at hand
        return None


def _title(variant: Variant) -> str:
    name, hinted = variant
    return f"{name} (hinted)" if hinted else name


def _figures(rows: Sequence[Row], unaided: Sequence[Row], confidence: float) -> dict[str, Any]:
    """Figures of some attempts; the accuracies are those of ``unaided``, which a hint would raise."""
    counts, column = _columns(rows)
    alone = _columns(unaided)[1]
    totals = {name: int(values.sum()) for name, values in column.items()}
    accuracy = mean_rate(alone["correct"], alone["attempts"], confidence)
    lenient = mean_rate(alone["lenient"], alone["attempts"], confidence)
    valid = ratio(column["valid"], column["reflections"], confidence)
    return {
        "attempts": totals["attempts"],
        "accuracy": accuracy.to_json() if accuracy else None,
        "lenient_accuracy": lenient.to_json() if lenient else None,
        "truncated_attempts": totals["truncated"],
        "attempts_without_answer": totals["unanswered"],
        "unjudged_attempts": totals["unjudged"],
        "reflections": totals["reflections"],
        "valid_reflections": valid.to_json() if valid else None,
        "verdicts": verdict_scores(counts[:, len(_COLUMNS) :].reshape(-1, 2, 3), confidence),
    }


def _columns(rows: Sequence[Row]) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    counts = np.array(rows, np.int64).reshape(-1, _WIDTH)
    return counts, dict(zip(_COLUMNS, counts.T, strict=False))


def _warnings(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, g in groups.items():
        accuracy, expected = g["accuracy"], g["yield"]
        if accuracy is None:
            yield f"{name}: there are no attempts"
        elif accuracy["mean"] < NEAR_ZERO:
            yield (
                f"{name}: accuracy is near 0 ({accuracy['mean']:.2%}, interval up to {accuracy['high']:.1%}): "
                f"this model practically cannot do it, and there is little or nothing to learn from"
            )
        if g["unjudged_attempts"]:
            yield (
                f"{name}: {g['unjudged_attempts']} of {g['attempts']} attempts have an answer that the verifier could "
                f"not judge (timeout, parse_error): they count as wrong in the accuracy and enter no trace"
            )
        if not expected["traceable_questions"]:
            yield f"{name}: none of {expected['questions']} questions can yield a trace"
        elif expected["estimated_over_long"] > expected["traces"] / 10:
            yield (
                f"{name}: about {expected['estimated_over_long']} of {expected['traces']} traces are over "
                f"trace.max_tokens and will be drawn again or rejected"
            )


def show(report: Mapping[str, Any]) -> None:
    """Prints the figures as a table, then warnings and what to expect of SFT."""
    table = Table(title="Quality of attempts and reflections, %", title_justify="left", box=SIMPLE_HEAD)
    for name in ("group", "attempts", "accuracy", "valid", "F1 +/-", "traceable"):
        table.add_column(name, justify="left" if name == "group" else "right", no_wrap=True)
    for name, g in report["groups"].items():
        expected = g["yield"]
        table.add_row(*_cells(name, g), f"{expected['traceable_questions']}/{expected['questions']}")
        for variant, figures in g["variants"].items():
            table.add_row(*_cells(f"  {variant}", figures), "", style="dim")
    console.print(table)
    if report["reflected"]["mode"] == "lazy":
        console.print(sampled(report["reflected"]["probe"]), markup=False)
    for warning in report["warnings"]:
        console.print(f"warning: {warning}", style="bold yellow", markup=False)
    cost = report["estimated_cost"]
    flops = "" if cost["sft_flops"] is None else f", {cost['sft_flops']:.2g} FLOPs"
    console.print(
        f"{report['recipe']} makes {report['overall']['yield']['traces']:,} traces of these pairs; SFT estimate: "
        f"{cost['sft_steps']:,} steps, {cost['sft_tokens']:,} tokens{flops}",
        markup=False,
    )


def sampled(share: float) -> str:
    """What the figures of verdicts are of where reflections are lazy."""
    return (
        f"The verdicts are those on a random {share:.1%} of the attempts (quality.probe): "
        f"reflect.mode=lazy asks for the others as the traces need them, mostly on correct attempts."
    )


def _cells(name: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    verdicts = figures["verdicts"]
    return (
        name,
        f"{figures['attempts']:,}",
        percent(figures["accuracy"]),
        _mean(figures["valid_reflections"]),
        f"{_mean(verdicts['correct']['f1'])}/{_mean(verdicts['incorrect']['f1'])}",
    )


def _mean(estimate: Mapping[str, float] | None) -> str:
    return "-" if estimate is None else f"{100 * estimate['mean']:.1f}"
