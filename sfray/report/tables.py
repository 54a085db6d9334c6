"""The report's tables, as cells: what is in them, apart from how they look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfray.config import ReportConfig
from sfray.evaluation.groups import ordered
from sfray.evaluation.intervals import Estimate, average
from sfray.evaluation.published import Published, Row
from sfray.progress import clock
from sfray.store.manifest import Manifest
from sfray.store.workers import spoken

_COUNTDOWN_AVERAGE = ("countdown-4", "countdown-5", "countdown-6")

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: The figure.
        note: Smaller, behind it: its interval.
        kind: ``""``, ``best``, ``name``, ``group`` or ``other`` (not of this run).
    """

    text: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        head: Column titles; the first column names the row.
        rows: One cell per column.
        spans: Titles over columns with their widths, the first column's included.
    """

    head: tuple[str, ...]
    rows: list[list[Cell]]
    spans: tuple[tuple[str, int], ...] = ()


_SPELT = {"bolt": "BOLT", "grpo": "GRPO", "rl": "RL", "sft": "SFT", "skillfactory": "SkillFactory", "star": "STaR"}
"""Words of labels that are written otherwise than they are read."""


def title(label: str) -> str:
    """A model's label as people read it."""
    words = " ".join(_SPELT.get(word, word) for word in label.split("_"))
    return words[:1].upper() + words[1:]


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction in percent; a dash for None."""
    return "–" if value is None else f"{100 * value:.{digits}f}"


def estimate(value: Json | None, digits: int = 1, kind: str = "") -> Cell:
    """A rate with its interval, in percent."""
    if value is None:
        return Cell("–", kind=kind)
    low, high = (f"{100 * value[side]:.{digits}f}" for side in ("low", "high"))
    return Cell(percent(value["mean"], digits), f"{low} – {high}", kind)


def accuracy(results: Json, paper: Published, config: ReportConfig) -> Table:
    """Accuracy per level and averaged, with the paper's figures of another model to the right."""
    models: Json = results["models"]
    beside = paper.beside(models, config)
    rows = []
    for label, figures, published in _accuracy_rows(models, beside, paper):
        best = max((f["mean"] for f in figures.values() if f), default=0.0)
        cells = [
            estimate(f, kind="best" if f and len(figures) > 1 and f["mean"] == best > 0 else "")
            for f in (figures[m] for m in models)
        ]
        theirs = [Cell("–" if published[m] is None else f"{published[m]:.1f}", kind="other") for m in beside]
        rows.append([Cell(label, kind="name"), *cells, *theirs])
    head = ("", *(title(m) for m in models), *(row.name for row in beside.values()))
    spans = (("", 1), ("this run, %", len(models)), (f"the paper, %: a different model, {paper.model}", len(beside)))
    return Table(head, rows, spans if beside else spans[:2])


def _accuracy_rows(
    models: Json, beside: Mapping[str, Row], paper: Published
) -> Iterator[tuple[str, dict[str, Json | None], dict[str, float | None]]]:
    first = next(iter(models.values()))
    for name in first["levels"]:
        yield (
            name,
            {m: model["levels"][name]["accuracy"] for m, model in models.items()},
            {m: row.accuracy.get(name) for m, row in beside.items()},
        )
    nothing: dict[str, float | None] = dict.fromkeys(beside)
    for label, names, theirs in (
        ("countdown 4 to 6", _COUNTDOWN_AVERAGE, {m: row.countdown for m, row in beside.items()}),
        (paper.average_of, paper.averaged, {m: row.average for m, row in beside.items()}),
    ):
        if names and all(name in first["levels"] for name in names):
            chosen = {m: [model["levels"][n]["accuracy"] for n in names] for m, model in models.items()}
            yield label, {m: _average(estimates) for m, estimates in chosen.items()}, theirs
    for task, mean in first["tasks"].items():
        if 1 < len(mean["levels"]) < len(first["levels"]):
            yield f"{task}, average", {m: model["tasks"][task]["accuracy"] for m, model in models.items()}, nothing
    if len(first["levels"]) > 1:
        yield "average of all", {m: (model["overall"] or {}).get("accuracy") for m, model in models.items()}, nothing


def _average(estimates: Sequence[Json | None]) -> Json | None:
    mean = average([Estimate(**e) for e in estimates if e])
    return mean.to_json() if mean else None


def differences(results: Json) -> Table:
    """Each pair of models, question by question."""
    names = list(dict.fromkeys(d["group"] for d in results["differences"]))
    pairs = list(dict.fromkeys((d["model"], d["minus"]) for d in results["differences"]))
    found = {(d["model"], d["minus"], d["group"]): d for d in results["differences"]}
    rows = []
    for name in names:
        cells = [_difference(found.get((*pair, name))) for pair in pairs]
        rows.append([Cell("average of all" if name == "overall" else name, kind="name"), *cells])
    return Table(("", *(f"{title(a)} − {title(b)}" for a, b in pairs)), rows)


def _difference(value: Json | None) -> Cell:
    if value is None:
        return Cell("–")
    clear = value["low"] > 0 or value["high"] < 0
    return Cell(
        f"{100 * value['mean']:+.1f}", f"{100 * value['low']:+.1f} – {100 * value['high']:+.1f}", "best" * clear
    )


def skills(results: Json, paper: Published) -> Table:
    """Answers, reflections and verdict F1 per model and level; the paper's where it has them."""
    head = (
        "",
        "answers",
        "reflections",
        "% reflecting",
        "valid grammar, %",
        "F1 correct",
        "F1 incorrect",
        "lenient, %",
        "cut, %",
        "tokens, mean",
    )
    rows = []
    for model, figures in results["models"].items():
        rows.append([Cell(title(model), kind="group"), *[Cell("")] * (len(head) - 1)])
        for name, level in figures["levels"].items():
            rows.append([Cell(name, kind="name"), *_skill_cells(level)])
    known = [n for n in paper.skills if any(n in m["levels"] for m in results["models"].values())]
    if known:
        label = "paper: Qwen2.5-1.5B-Instruct, SkillFactory → GRPO"
        rows.append([Cell(label, kind="group"), *[Cell("")] * (len(head) - 1)])
    for name in known:
        p = paper.skills[name]
        values = [f"{p['answers']:.2f}", f"{p['reflections']:.2f}", "–", "–", *_f1s(p), "–", "–", "–"]
        rows.append([Cell(name, kind="name"), *(Cell(v, kind="other") for v in values)])
    return Table(head, rows)


def _f1s(values: Mapping[str, float]) -> tuple[str, str]:
    return f"{100 * values['f1_correct']:.1f}", f"{100 * values['f1_incorrect']:.1f}"


def _skill_cells(level: Json) -> list[Cell]:
    def number(value: float | None, digits: int = 2) -> Cell:
        """A cell with a plain number; a dash for None."""
        return Cell("–" if value is None else f"{value:.{digits}f}")

    verdicts = level["verdicts"]
    return [
        number(level["answers_per_response"]),
        number(level["reflections_per_response"]),
        Cell(percent(level["responses_with_reflection"])),
        Cell(percent(level.get("valid_grammar"))),  # results of an older version have no such figure
        estimate(verdicts["correct"]["f1"]),
        estimate(verdicts["incorrect"]["f1"]),
        Cell(percent((level["lenient_accuracy"] or {}).get("mean"))),
        estimate(level["truncated"]),
        number(level["tokens"]["mean"] if level["tokens"] else None, 0),
    ]


def reasons(results: Json) -> Table:
    """How often each outcome came, over all levels."""
    models = {m: model["overall"] for m, model in results["models"].items() if model["overall"]}
    names = list(dict.fromkeys(r for overall in models.values() for r in overall["reasons"]))
    rows = [
        [Cell(name, kind="name"), *(Cell(f"{overall['reasons'].get(name, 0):,}") for overall in models.values())]
        for name in names
    ]
    return Table(("outcome", *(title(m) for m in models)), rows)


def quality(report: Json) -> Table:
    """Attempts and reflections before training, per level and prompt variant."""
    head = (
        "", "attempts", "accuracy, %", "lenient, %", "valid, %", "precision +", "recall +", "F1 +",
        "precision −", "recall −", "F1 −",
    )  # fmt: skip
    rows = []
    for name, g in report["groups"].items():
        rows.append([Cell(name, kind="group"), *_quality_cells(g)])
        rows += [[Cell(variant, kind="name"), *_quality_cells(f)] for variant, f in g["variants"].items()]
    return Table(head, rows)


def _quality_cells(figures: Json) -> list[Cell]:
    verdicts = figures["verdicts"]
    scores = [estimate(verdicts[c][s]) for c in ("correct", "incorrect") for s in ("precision", "recall", "f1")]
    accuracy, valid = estimate(figures["accuracy"]), estimate(figures["valid_reflections"])
    lenient = Cell(percent((figures["lenient_accuracy"] or {}).get("mean")))
    return [Cell(f"{figures['attempts']:,}"), accuracy, lenient, valid, *scores]


def yields(report: Json) -> Table:
    """What the pairs can become, per level."""
    rows = []
    for name, g in [*report["groups"].items(), *([("all", report["overall"])] if len(report["groups"]) > 1 else [])]:
        y = g["yield"]
        sizes = [_pool(y[f"pool_{kind}"]) for kind in ("correct", "incorrect")]
        longest = max((int(k) for k in y["questions_by_longest_trace"]), default=0)
        able = Cell(f"{y['traceable_questions']:,}", f"of {y['questions']:,}")
        rows.append(
            [Cell(name, kind="name"), *sizes, able, Cell(f"{y['traces']:,}"), Cell(str(longest)),
             Cell(f"{y['estimated_tokens']:,}")]
        )  # fmt: skip
    head = ("", "|Y+| median", "|Y−| median", "questions with a trace", "traces", "longest, attempts", "tokens (est.)")
    return Table(head, rows)


def _pool(pool: Json) -> Cell:
    return Cell(str(pool.get("p50", "–")), f"most {pool['max']}" if "max" in pool else "")


def steps(manifests: Mapping[str, Manifest], planned: Mapping[str, Mapping[str, float]]) -> Table:
    """Time, the time that was planned, counts and rejects of every finished step.

    Args:
        manifests: Finished step -> manifest.
        planned: Step -> what was expected of it; a step that is not there was made for another run.
    """
    rows = []
    for name, m in manifests.items():
        counts = ", ".join(f"{v:,} {k.replace('_', ' ')}" for k, v in m.counts.items())
        rejects = ", ".join(f"{v:,} {k.replace('_', ' ')}" for k, v in m.rejects.items())
        worked = Cell(clock(m.seconds), "; ".join(filter(None, (spoken(m.incidents), m.engines))))
        row = [Cell(name, kind="name"), worked, _planned(m.seconds, planned.get(name))]
        rows.append([*row, Cell(counts or "–"), Cell(rejects or "none")])
    if len(rows) > 1:
        total = clock(sum(m.seconds for m in manifests.values()))
        both = [(manifests[name].seconds, planned[name]["seconds"]) for name in manifests if name in planned]
        took, expected = (sum(column) for column in zip(*both, strict=True)) if both else (0, 0)
        whole = _planned(took, {"seconds": expected} if len(both) == len(manifests) else None)
        rows.append([Cell("all", kind="group"), Cell(total), whole, Cell(""), Cell("")])
    return Table(("step", "time", "planned", "counts", "rejects"), rows)


def _planned(seconds: float, planned: Mapping[str, float] | None) -> Cell:
    """The planned time, and by how much it was too long or too short; not for what takes no time."""
    if planned is None:
        return Cell("–")
    off = f"{planned['seconds'] / seconds - 1:+.0%}" if seconds >= 1 else ""
    return Cell(clock(planned["seconds"]), off)


def traces_by_level(levels: Json) -> Table:
    """How many traces the questions of each level give: where easy ones give most of the set, it shows here."""
    total = sum(level["traces"] for level in levels.values())
    rows = []
    for name in ordered(levels):
        level = levels[name]
        each = level["per_question"]
        rows.append(
            [Cell(name, kind="name"), Cell(f"{level['questions']:,}"), Cell(f"{level['with_traces']:,}"),
             Cell(f"{level['traces']:,}"), Cell(percent(level["traces"] / total if total else None)),
             Cell("–" if each["mean"] is None else f"{each['mean']:.2f}", f"most {each['max']:,}")]
        )  # fmt: skip
    head = ("", "questions", "with a trace", "traces", "% of all traces", "traces per question")
    return Table(head, rows)


def silver(rates: Json) -> Table:
    """The silver error rates of the traces stage: arithmetic recomputed exactly."""
    rows = []
    for what, entry in rates.items():
        none = 0.0 if what.endswith("reflection") and entry.get("with_arithmetic") else None
        contradiction = entry.get("contradiction_rate", none)  # not in the manifest when there was none
        rows.append(
            [Cell(what.replace("_", " ").replace(".", ": "), kind="name"), Cell(f"{entry.get('texts', 0):,}"),
             Cell(f"{entry.get('with_arithmetic', 0):,}"), Cell(percent(entry.get("wrong_arithmetic_rate"), 2)),
             Cell(percent(contradiction, 2))]
        )  # fmt: skip
    return Table(("", "texts", "with arithmetic", "wrong arithmetic, %", "contradicts its verdict, %"), rows)
