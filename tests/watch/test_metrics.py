"""The metrics: named once, set under the tags of their step, and nowhere without Ray."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sfray.store.artifact import Artifact
from sfray.watch import metrics
from sfray.watch.metrics import INCIDENTS, METRICS, QUEUE, ROWS, TAGS, Meter, Metric, tags_of

TAGGED = {"run": "r", "step": "attempts_2", "stage": "sample"}


class Recorded(list):
    """Stands in for Ray's metrics."""

    def made(self, metric: Metric) -> Any:
        class One:
            def __getattr__(one, name: str) -> Any:
                return lambda value, tags: self.append((metric.name, name, value, tags))

        return One()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    found = Recorded()
    monkeypatch.setattr(metrics, "_made", found.made)
    return found


def test_the_table_has_every_metric_of_the_module() -> None:
    named = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    assert sorted(m.name for m in named) == sorted(m.name for m in METRICS)
    assert len({m.name for m in METRICS}) == len(METRICS) == 12


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_names_follow_the_rules_of_prometheus(metric: Metric) -> None:
    assert re.fullmatch(r"sfray_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter") == (metric.read == "rate")
    assert bool(metric.buckets) == (metric.kind == "histogram") == (metric.read == "median")
    assert metric.name.endswith("_seconds") == (metric.unit == "s")
    assert metric.title
    assert metric.description


def test_tags_are_those_of_the_artifact_and_no_part_of_what_it_is() -> None:
    artifact = Artifact(Path("f"), "sample", {}, {}, run="r", step="attempts_2")
    assert tags_of(artifact) == TAGGED
    assert tuple(tags_of(artifact)) == TAGS
    assert artifact == Artifact(Path("f"), "sample", {}, {})


def test_each_kind_is_set_in_its_way(recorded: Recorded) -> None:
    meter = Meter(TAGGED)
    meter.add(ROWS, 3)
    meter.add(ROWS, 0)
    meter.set(QUEUE, 0)
    meter.set(QUEUE, None)
    meter.set(INCIDENTS, 2, incident="nodes_lost")
    assert recorded == [
        ("sfray_rows_total", "inc", 3, TAGGED),
        ("sfray_shards_left", "set", 0, TAGGED),
        ("sfray_incidents", "set", 2, {**TAGGED, "incident": "nodes_lost"}),
    ]


def test_a_step_of_training_sets_what_it_has(recorded: Recorded) -> None:
    Meter(TAGGED).training_step({"step": 4, "seconds": 2.0, "tokens": 100, "reward": 0.5})
    Meter(TAGGED).training_step({"step": 1, "seconds": 2.0, "loss": 3.5})
    assert [entry[:3] for entry in recorded] == [
        ("sfray_training_step", "set", 4),
        ("sfray_training_step_seconds", "observe", 2.0),
        ("sfray_tokens_total", "inc", 100),
        ("sfray_tokens_per_second", "set", 50.0),
        ("sfray_reward", "set", 0.5),
        ("sfray_training_step", "set", 1),
        ("sfray_training_step_seconds", "observe", 2.0),
        ("sfray_loss", "set", 3.5),
    ]


def test_nothing_is_set_where_ray_is_not_in_use() -> None:
    assert metrics._made(ROWS) is None
    Meter(TAGGED).add(ROWS, 1)
