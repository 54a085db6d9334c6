"""The dashboard in the repository is the one of the metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sfray.watch.dashboard import dashboard, query, text
from sfray.watch.metrics import CHECKPOINT, INCIDENTS, METRICS, PREFIX, RUNNING, STEP_SECONDS, TAGS, TOKENS

FILE = Path(__file__).parents[2] / "cluster" / "grafana.json"
CHOSEN = '{run=~"$run", step=~"$step", stage=~"$stage"}'


def test_the_file_is_what_the_module_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run: python -m sfray.watch.dashboard > cluster/grafana.json"
    assert json.loads(text()) == dashboard()


def test_it_shows_every_metric_and_no_other() -> None:
    shown = {
        name.removesuffix("_bucket")
        for panel in json.loads(FILE.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
        for name in re.findall(rf"{PREFIX}(sfray_\w+)", target["expr"])
    }
    assert shown == {metric.name for metric in METRICS}


def test_each_kind_of_metric_is_asked_for_in_its_way() -> None:
    assert query(TOKENS) == f"sum by (run, step, stage) (rate(ray_sfray_tokens_total{CHOSEN}[5m]))"
    assert query(RUNNING) == f"sum by (run, step, stage) (ray_sfray_requests_running{CHOSEN})"
    assert query(INCIDENTS) == f"max by (run, step, stage, incident) (ray_sfray_incidents{CHOSEN})"
    assert query(CHECKPOINT) == f"time() - max by (run, step, stage) (ray_sfray_checkpoint_time_seconds{CHOSEN})"
    assert query(STEP_SECONDS) == (
        "histogram_quantile(0.5, sum by (le, run, step, stage) "
        f"(rate(ray_sfray_training_step_seconds_bucket{CHOSEN}[5m])))"
    )


def test_panels_do_not_overlap_and_every_tag_can_be_chosen() -> None:
    panels = dashboard()["panels"]
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len(set(places)) == len(panels) == len(METRICS)
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in panels)
    assert [p["id"] for p in panels] == list(range(1, len(METRICS) + 1))
    assert [v["name"] for v in dashboard()["templating"]["list"]] == ["source", *TAGS]
