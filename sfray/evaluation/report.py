"""One self-contained page about a run: whatever is finished of it, no network needed to read it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sfray.config import Config
from sfray.evaluation import browser, charts, tables
from sfray.evaluation.published import published
from sfray.files import read_json, replacing
from sfray.progress import console
from sfray.store import Manifest, Stage

_PAGE = Path(__file__).with_name("page")


def run(config: Config, stage: Stage, inputs: Mapping[str, Path]) -> None:
    """Writes ``report.html``.

    Args:
        config: The run's config; ``report`` says how much to show.
        stage: Where to write.
        inputs: Folders of the finished stages, any of which may be missing.
    """
    sources = Sources.read(config, stage, inputs)
    page = render(sources)
    with replacing(stage.path / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    console.print(f"report: {stage.path / 'report.html'}", markup=False)
    stage.commit({"bytes": len(page.encode())}, {"stages": len(sources.manifests)})


@dataclass(frozen=True)
class Sources:
    """What there is to report.

    Attributes:
        config: The run's config.
        folders: Finished stage -> folder.
        manifests: Finished stage -> manifest.
        results: ``results.json`` of the evaluation.
        quality: ``quality.json``; also there when the run stopped at its floors.
        sft: Lines of the SFT metrics.
        grpo: Lines of the GRPO metrics.
    """

    config: Config
    folders: Mapping[str, Path]
    manifests: Mapping[str, Manifest]
    results: dict[str, Any] | None
    quality: dict[str, Any] | None
    sft: list[dict[str, Any]]
    grpo: list[dict[str, Any]]

    @classmethod
    def read(cls, config: Config, stage: Stage, inputs: Mapping[str, Path]) -> Sources:
        """Reads everything but traces and completions."""
        folders = {n: p for n, p in inputs.items() if (p / "manifest.json").exists()}
        quality = inputs.get("quality", stage.path.parent / "quality") / "quality.json"
        return cls(
            config,
            folders,
            {name: Manifest.read(path / "manifest.json") for name, path in folders.items()},
            read_json(folders["evaluate"] / "results.json") if "evaluate" in folders else None,
            read_json(quality) if quality.exists() else None,
            _lines(folders.get("sft")),
            _lines(folders.get("grpo")),
        )

    def parts(self, stage: str) -> list[Path]:
        """The Parquet parts of a stage; none when it is not finished."""
        return sorted(self.folders[stage].glob("part-*.parquet")) if stage in self.folders else []


def _lines(folder: Path | None) -> list[dict[str, Any]]:
    path = folder / "metrics.jsonl" if folder else None
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def render(sources: Sources) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": tables.percent, "clock": tables.clock}
    style, script = ((_PAGE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    entries = _entries(sources)
    config = sources.config
    return environment.get_template("report.html").render(
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
        traces=_traces(sources.manifests.get("traces")),
        stages=tables.stages(sources.manifests) if sources.manifests else None,
        entries=entries,
        filters=browser.filters(entries),
        names=tables.MODEL_NAMES | {"trace": "Silver trace"},
        config=yaml.safe_dump(dataclasses.asdict(config), sort_keys=False, allow_unicode=True),
        versions=list(sources.manifests.values())[-1].versions if sources.manifests else {},
        finished=max((m.finished for m in sources.manifests.values()), default=""),
    )


def _chart(svg: str | None) -> Markup | None:
    """Marks our own drawing as safe; its few labels are ours, escaped by matplotlib."""
    return Markup(svg) if svg else None  # noqa: S704


def _tiles(sources: Sources) -> list[dict[str, str]]:
    """The headline: what came of the run, as far as it went."""
    tiles = []
    if sources.results:
        trained = f"{sources.config.task.name}-{sources.config.task.sft.levels[0]}"
        models = sources.results["models"]
        group = (
            trained if all(trained in m["levels"] for m in models.values()) else next(iter(_first(models)["levels"]))
        )
        for name, model in models.items():
            accuracy = model["levels"][group]["accuracy"]
            if accuracy:
                interval = f"{tables.percent(accuracy['low'])} to {tables.percent(accuracy['high'])}"
                label = f"{tables.MODEL_NAMES[name]} on {group}"
                tiles.append(
                    {"value": f"{tables.percent(accuracy['mean'])} %", "label": label, "note": interval, "kind": name}
                )
    for stage, key, label in (
        ("traces", "traces", "silver traces"),
        ("attempts", "rows", "attempts"),
        ("reflections", "rows", "reflections"),
        ("questions", "sft", "questions for traces"),
    ):
        counts = sources.manifests[stage].counts if stage in sources.manifests else {}
        value = counts.get(key, counts.get(stage))
        if value is not None and len(tiles) < 5:
            tiles.append({"value": f"{value:,}", "label": label, "note": "", "kind": ""})
    if sources.manifests:
        seconds = sum(m.seconds for m in sources.manifests.values())
        note = f"{len(sources.manifests)} stages"
        tiles.append({"value": tables.clock(seconds), "label": "in all", "note": note, "kind": ""})
    return tiles


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
    estimates = {m: [model["levels"][g]["accuracy"] for g in groups] for m, model in models.items()}
    return {
        "chart": _chart(charts.accuracy(groups, estimates)),
        "accuracy": tables.accuracy(results, paper, sources.config),
        "differences": tables.differences(results) if results["differences"] else None,
        "skills": tables.skills(results, paper),
        "reasons": tables.reasons(results),
        "lengths": _chart(
            charts.lengths(results["histogram_edges"], {m: o["histogram"] for m, o in overall.items()})
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


def _verdict(results: Mapping[str, Any]) -> str:
    """The last model against the first, in a sentence."""
    pairs = [d for d in results["differences"] if d["group"] != "overall"]
    names = list(results["models"])
    shown = [d for d in pairs if (d["model"], d["minus"]) == (names[-1], names[0])]
    if not shown:
        return ""
    ours, theirs = (tables.MODEL_NAMES[n] for n in (names[-1], names[0]))
    better = [d["group"] for d in shown if d["low"] > 0]
    worse = [d["group"] for d in shown if d["high"] < 0]
    parts = [f"better than {theirs} on {', '.join(better)}"] if better else []
    parts += [f"worse on {', '.join(worse)}"] if worse else []
    unclear = len(shown) - len(better) - len(worse)
    parts += [f"not distinguishable on {unclear} of {len(shown)} levels"] if unclear else []
    return f"{ours} is {'; '.join(parts)}."


def _training(sources: Sources) -> list[dict[str, Any]]:
    drawn = [
        (
            "GRPO: reward",
            charts.curve(sources.grpo, "reward", "mean reward", "grpo", "validation_accuracy", "validation"),
        ),
        ("GRPO: length of responses", charts.curve(sources.grpo, "response_length", "tokens", "grpo")),
        ("SFT: loss", charts.curve(sources.sft, "loss", "loss", "sft")),
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
    }


def _traces(manifest: Manifest | None) -> dict[str, Any] | None:
    """Statistics of the traces stage, as far as its manifest has them."""
    if manifest is None:
        return None
    metrics = manifest.metrics
    steps, tokens = metrics.get("attempts_per_trace"), metrics.get("tokens")
    drawn = [
        ("Attempts per trace", steps and charts.counts({"sft": steps["histogram"]}, "attempts", "traces")),
        (
            "Tokens per trace",
            tokens and charts.counts({"sft": tokens["histogram"]}, "tokens", "traces", tokens["bin"]),
        ),
    ]
    mix, places = metrics.get("mix", {}), metrics.get("correct_by_position", {})
    return {
        "charts": [{"title": title, "chart": _chart(svg)} for title, svg in drawn if svg],
        "silver": tables.silver(metrics["silver"]) if metrics.get("silver") else None,
        "mix": [(key.split(","), count) for key, count in mix.items()],
        "places": places,
        "phrases": list(metrics.get("phrases", {}).items())[:12],
        "skipped": metrics.get("skipped", {}),
        "rebuilt": metrics.get("rebuilt_shorter"),
    }


def _entries(sources: Sources) -> list[browser.Entry]:
    config, limit = sources.config, sources.config.report.traces
    entries = list(browser.traces(sources.parts("traces"), limit, config.run.seed))
    if sources.results and "questions" in sources.folders:
        questions = sources.folders["questions"] / "eval.parquet"
        models = list(sources.results["models"])
        entries += browser.responses(sources.parts("evaluate"), questions, models, limit, config.run.seed)
    return entries
