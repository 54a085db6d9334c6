"""The Grafana dashboard of the metrics: a panel for each.

``python -m sfray.watch.dashboard > cluster/grafana.json`` writes it again.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sfray.watch.metrics import METRICS, PREFIX, TAGS, Metric

_WIDTH, _HEIGHT, _ROW = 8, 7, 24
"""Of a panel, and of the page, in Grafana's units."""

_SOURCE = {"type": "prometheus", "uid": "${source}"}


def dashboard() -> dict[str, Any]:
    """The dashboard, as Grafana imports it."""
    return {
        "title": "sfray",
        "uid": "sfray",
        "schemaVersion": 39,
        "tags": ["sfray", "ray"],
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [_source(), *(_choice(tag) for tag in TAGS)]},
        "panels": [_panel(number, metric) for number, metric in enumerate(METRICS)],
    }


def query(metric: Metric) -> str:
    """What a panel asks of Prometheus."""
    chosen = ", ".join(f'{tag}=~"${tag}"' for tag in TAGS)
    series = f"{PREFIX}{metric.name}{{{chosen}}}"
    by = f"by ({', '.join((*TAGS, *metric.more))})"
    if metric.read == "median":
        buckets = f"{PREFIX}{metric.name}_bucket{{{chosen}}}"
        return f"histogram_quantile(0.5, sum by (le, {', '.join(TAGS)}) (rate({buckets}[5m])))"
    if metric.read == "rate":
        return f"sum {by} (rate({series}[5m]))"
    if metric.read == "age":
        return f"time() - max {by} ({series})"
    return f"{metric.read} {by} ({series})"


def _panel(number: int, metric: Metric) -> dict[str, Any]:
    across = _ROW // _WIDTH
    legend = " ".join(f"{{{{{tag}}}}}" for tag in ("run", "step", *metric.more))
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": metric.title,
        "description": metric.description,
        "datasource": _SOURCE,
        "gridPos": {"x": number % across * _WIDTH, "y": number // across * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": metric.unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": _SOURCE, "expr": query(metric), "legendFormat": legend}],
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _choice(tag: str) -> dict[str, Any]:
    return {
        "name": tag,
        "type": "query",
        "datasource": _SOURCE,
        "query": f'label_values({{__name__=~"{PREFIX}sfray_.+"}}, {tag})',
        "includeAll": True,
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "refresh": 2,
    }


def text() -> str:
    """The dashboard as the file holds it."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
