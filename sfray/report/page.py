"""One self-contained page about a run: whatever is finished of it, no network needed to read it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sfray.artifacts import Responses, Traces
from sfray.config import Config
from sfray.evaluation.published import published
from sfray.evaluation.quality import sampled
from sfray.io.files import read_json, replacing
from sfray.progress import clock, console
from sfray.report import browser, charts, chunks, digest, tables, waterfall
from sfray.skills.registry import skills
from sfray.store.account import Account
from sfray.store.folder import RunFolder
from sfray.store.manifest import Manifest
from sfray.store.profile import Profile, profile

_PAGE = Path(__file__).with_name("templates")

_TILES = 5
"""Figures in the headline, before the time that it all took."""

_STATISTICS = {"attempts_per_trace", "tokens", "mix", "silver", "questions"}
"""What the manifest of traces may have to draw: those that were only selected have none of it."""


def write(run: RunFolder, config: Config) -> Path:
    """Writes ``report.html`` from whatever steps of a run are finished.

    Args:
        run: The run.
        config: ``report`` says how much to show; all of it is printed at the end of the page.

    Returns:
        The page's file.
    """
    page = render(Sources.read(run, config))
    file = run.path / "report.html"
    with replacing(file) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.writelines(page)
    console.print(f"report: {file}", markup=False)
    return file


@dataclass(frozen=True)
class Sources:
    """What there is to report.

    Attributes:
        config: The run's config.
        folders: Finished step -> folder.
        manifests: Finished step -> manifest.
        results: ``results.json`` of the last results step.
        responses: Label of each model in ``results`` -> Parquet files of its responses.
        quality: ``quality.json`` of the last quality step; also there when the run stopped at its floors.
        training: Training step -> lines of its metrics.
        account: What the run was expected to cost.
        profile: Where its time went; None where no step says when it was made.
    """

    config: Config
    folders: Mapping[str, Path]
    manifests: Mapping[str, Manifest]
    results: dict[str, Any] | None
    responses: Mapping[str, list[Path]]
    quality: dict[str, Any] | None
    training: Mapping[str, list[dict[str, Any]]]
    account: Account
    profile: Profile | None

    @classmethod
    def read(cls, run: RunFolder, config: Config) -> Sources:
        """Reads everything but traces and responses."""
        finished = run.finished()
        folders = {name: path for name, (path, _) in finished.items()}
        manifests = {name: manifest for name, (_, manifest) in finished.items()}
        qualities = [file for path in run.steps().values() if (file := path / "quality.json").exists()]
        summed = [name for name, m in manifests.items() if m.stage == "results"]
        by_fingerprint = {m.fingerprint: name for name, m in manifests.items()}
        labels = manifests[summed[-1]].inputs["models"] if summed else {}
        return cls(
            config,
            folders,
            manifests,
            read_json(folders[summed[-1]] / "results.json") if summed else None,
            {label: Responses(folders[by_fingerprint[f]]).files for label, f in labels.items() if f in by_fingerprint},
            read_json(qualities[-1]) if qualities else None,
            {name: lines for name, path in folders.items() if (lines := _lines(path))},
            Account.read(run.path),
            profile(run.path),
        )

    def of(self, *stages: str) -> list[str]:
        """The finished steps of these stages, in order."""
        return [name for name, m in self.manifests.items() if m.stage in stages]

    def traces(self) -> list[str]:
        """The finished steps that made traces, whatever their stage: told by what is in their files."""
        return [name for name, folder in self.folders.items() if Traces(folder).recognised]


def _lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / "metrics.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def render(sources: Sources) -> Iterator[str]:
    """The page, piece by piece: all of its traces and responses are never in memory at once."""
    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": tables.percent, "clock": tables.clock}
    style, script = ((_PAGE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    config = sources.config
    shown = _selection(sources)
    titles = {label: tables.title(label) for label in sources.responses} | {browser.TRACE: "Silver trace"}
    index = chunks.Index(titles, _colors(sources.results))
    return environment.get_template("report.html").generate(
        run=config.run.name,
        model=config.model.path,
        task=config.task.name,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        tiles=_tiles(sources),
        evaluation=_evaluation(sources),
        training=_training(sources),
        quality=_quality(sources.quality),
        traces=_traces(sources),
        steps=tables.steps(sources.manifests, sources.account.planned) if sources.manifests else None,
        account=sources.account,
        waterfall=_waterfall(sources.profile),
        browser=shown,
        limit=config.report.entries,
        chunks=chunks.chunks(browser.entries(shown, _skill_tags(sources)), index),
        index=index,
        config=yaml.safe_dump(dataclasses.asdict(config), sort_keys=False, allow_unicode=True),
        versions=list(sources.manifests.values())[-1].versions if sources.manifests else {},
        finished=max((m.finished for m in sources.manifests.values()), default=""),
    )


def _chart(svg: str | None) -> Markup | None:
    """Marks our own drawing as safe; its few labels are ours, escaped by matplotlib."""
    return Markup(svg) if svg else None  # noqa: S704


def _waterfall(profile: Profile | None) -> dict[str, Any] | None:
    """Where the time went, and the share of it that was work."""
    return None if profile is None else {"chart": _chart(waterfall.svg(profile)), "work": profile.work}


def _colors(results: Mapping[str, Any] | None) -> dict[str, str]:
    """Label of a model -> its colour."""
    return {label: charts.model_color(i) for i, label in enumerate(results["models"] if results else ())}


def _tiles(sources: Sources) -> list[dict[str, str]]:
    """The headline: what came of the run, as far as it went."""
    tiles = list(_accuracy_tiles(sources)) if sources.results else []
    counted = [(browser.rows(Traces(sources.folders[name]).files), "silver traces") for name in sources.traces()[-1:]]
    for stage, key, label in (
        ("sample", "rows", "attempts"),
        ("reflect", "rows", "reflections"),
        ("questions", "sft", "questions for traces"),
    ):
        counts = [sources.manifests[name].counts.get(key) for name in sources.of(stage)]
        counted += [(count, label) for count in counts[-1:] if count is not None]
    room = max(0, _TILES - len(tiles))
    tiles += [{"value": f"{count:,}", "label": label, "note": "", "kind": ""} for count, label in counted[:room]]
    if sources.manifests:
        seconds = sum(m.seconds for m in sources.manifests.values())
        note = f"{len(sources.manifests)} steps"
        tiles.append({"value": clock(seconds), "label": "in all", "note": note, "kind": ""})
    return tiles


def _accuracy_tiles(sources: Sources) -> Iterator[dict[str, str]]:
    models = (sources.results or {})["models"]
    trained = f"{sources.config.task.name}-{sources.config.task.sft.levels[0]}"
    group = trained if all(trained in m["levels"] for m in models.values()) else next(iter(_first(models)["levels"]))
    colors = _colors(sources.results)
    for name, model in models.items():
        if accuracy := model["levels"][group]["accuracy"]:
            interval = f"{tables.percent(accuracy['low'])} to {tables.percent(accuracy['high'])}"
            value, label = f"{tables.percent(accuracy['mean'])} %", f"{tables.title(name)} on {group}"
            yield {"value": value, "label": label, "note": interval, "kind": colors[name]}


def _first(models: Mapping[str, Any]) -> Any:
    return next(iter(models.values()))


def _evaluation(sources: Sources) -> dict[str, Any] | None:
    results = sources.results
    if not results:
        return None
    models = results["models"]
    groups = list(_first(models)["levels"])
    paper = published(sources.config.report.published)
    overall = {m: model["overall"] for m, model in models.items() if model["overall"]}
    estimates = {tables.title(m): [model["levels"][g]["accuracy"] for g in groups] for m, model in models.items()}
    return {
        "chart": _chart(charts.accuracy(groups, estimates)),
        "accuracy": tables.accuracy(results, paper, sources.config.report),
        "differences": tables.differences(results) if results["differences"] else None,
        "skills": tables.skills(results, paper),
        "cards": _cards(results),
        "reasons": tables.reasons(results),
        "lengths": _chart(
            charts.lengths(results["histogram_edges"], {tables.title(m): o["histogram"] for m, o in overall.items()})
            if overall
            else None
        ),
        "samples": results["samples_per_question"],
        "otherwise": {
            t: n for t, n in results["decoding"].get("n_by_task", {}).items() if t in _first(models)["tasks"]
        },
        "confidence": results["confidence"],
        "missing": sum(o["missing"] for o in overall.values()),
        "paper": paper,
        "verdict": _verdict(results),
    }


def _cards(results: Mapping[str, Any]) -> dict[str, tables.Table] | None:
    """The scorecards of all models; None for results of a version that had none."""
    cards = {
        tables.title(m): {g: level["scorecard"] for g, level in model["levels"].items() if "scorecard" in level}
        for m, model in results["models"].items()
    }
    return {"measures": digest.scorecard(cards), "attempts": digest.attempts(cards)} if all(cards.values()) else None


def _verdict(results: Mapping[str, Any]) -> str:
    """The last model against the first, in a sentence."""
    pairs = [d for d in results["differences"] if d["group"] != "overall"]
    names = list(results["models"])
    shown = [d for d in pairs if (d["model"], d["minus"]) == (names[-1], names[0])]
    if not shown:
        return ""
    ours, theirs = (tables.title(n) for n in (names[-1], names[0]))
    better = [d["group"] for d in shown if d["low"] > 0]
    worse = [d["group"] for d in shown if d["high"] < 0]
    parts = [f"better than {theirs} on {', '.join(better)}"] if better else []
    parts += [f"worse on {', '.join(worse)}"] if worse else []
    unclear = len(shown) - len(better) - len(worse)
    parts += [f"not distinguishable on {unclear} of {len(shown)} levels"] if unclear else []
    return f"{ours} is {'; '.join(parts)}."


def _training(sources: Sources) -> list[dict[str, Any]]:
    drawn: list[tuple[str, str | None]] = []
    for name, lines in sources.training.items():
        drawn += [
            (
                f"{name}: reward",
                charts.curve(lines, "reward", "mean reward", "model-2", "validation_accuracy", "validation"),
            ),
            (f"{name}: length of responses", charts.curve(lines, "response_length", "tokens", "model-2")),
            (f"{name}: loss", charts.curve(lines, "loss", "loss", "model-1")),
        ]
    return [{"title": title, "chart": _chart(svg)} for title, svg in drawn if svg]


def _quality(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if report is None:
        return None
    pools = {kind: report["overall"]["yield"][f"pool_{kind}"]["histogram"] for kind in ("correct", "incorrect")}
    return {
        "figures": tables.quality(report),
        "yields": tables.yields(report),
        "pools": _chart(charts.counts(pools, "pairs in the pool", "questions") if pools["correct"] else None),
        "warnings": report["warnings"],
        "failed": [f for f in report["floors"] if not f["ok"]],
        "cost": report["estimated_cost"],
        "recipe": report["recipe"],
        "sampled": sampled(seen["probe"]) if (seen := report.get("reflected", {})).get("mode") == "lazy" else "",
    }


def _traces(sources: Sources) -> dict[str, Any] | None:
    """Statistics of the last silver traces whose manifest has any, as far as it has them."""
    described = [m for name in sources.traces() if _STATISTICS & (m := sources.manifests[name].metrics).keys()]
    if not described:
        return None
    metrics = described[-1]
    steps, tokens = metrics.get("attempts_per_trace"), metrics.get("tokens")
    drawn = [
        ("Attempts per trace", steps and charts.counts({"traces": steps["histogram"]}, "attempts", "traces")),
        (
            "Tokens per trace",
            tokens and charts.counts({"traces": tokens["histogram"]}, "tokens", "traces", tokens["bin"]),
        ),
    ]
    mix, places = metrics.get("mix", {}), metrics.get("correct_by_position", {})
    before = metrics.get("mix_drawn", {})  # manifests of earlier versions have none
    pairs = sorted(mix.keys() | before.keys(), key=lambda key: [int(n) for n in key.split(",")])
    return {
        "charts": [{"title": title, "chart": _chart(svg)} for title, svg in drawn if svg],
        "silver": tables.silver(metrics["silver"]) if metrics.get("silver") else None,
        "mix": [(key.split(","), mix.get(key, 0), before.get(key)) for key in pairs],
        "places": places,
        "phrases": list(metrics.get("phrases", {}).items())[:12],
        "skipped": metrics.get("skipped", {}),
        "levels": tables.traces_by_level(metrics["questions"]) if metrics.get("questions") else None,
        "with_incorrect": metrics.get("with_incorrect"),
        "redrawn": metrics.get("redrawn", 0),
        "given_up": metrics.get("given_up", 0),
    }


def _skill_tags(sources: Sources) -> set[str]:
    """Tags of the skills that are shown in traces or counted in responses, besides reflection."""
    counted = {
        n for s in sources.of("results") for n in sources.manifests[s].config.get("results", {}).get("skills", [])
    }
    shown = {n for s in sources.traces() for n in sources.manifests[s].inputs.get("segments", {})}
    return {skill.tag for skill in skills(counted | shown, "results.skills").values()}


def _selection(sources: Sources) -> browser.Selection:
    made, asked = sources.traces(), sources.of("questions")
    return browser.select(
        Traces(sources.folders[made[-1]]).files if made else [],
        sources.responses,
        sources.folders[asked[-1]] / "eval.parquet" if asked else None,
        sources.config.report.entries,
        sources.config.run.seed,
    )
