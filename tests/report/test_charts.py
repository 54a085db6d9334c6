import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sfray.report import charts

_ESTIMATE = {"mean": 0.5, "low": 0.4, "high": 0.7}


def _check(svg):
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "width" not in root.attrib
    assert "viewBox" in root.attrib
    referred = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', svg))
    assert referred <= set(re.findall(r' id="([^"]+)"', svg))
    for color in (charts.INK, charts.MUTED, charts.LINE, *charts.SERIES.values()):
        assert color not in svg
    return svg


@pytest.mark.parametrize("groups", [1, 4, 15])
def test_accuracy_charts_follow_the_page(groups):
    names = [f"countdown-{i}" for i in range(groups)]
    models = {"base": [_ESTIMATE] * groups, "sft": [None] * groups, "grpo": [_ESTIMATE] * groups}
    svg = _check(charts.accuracy(names, models))
    assert "var(--model-2)" in svg
    assert "var(--ink)" in svg
    assert svg.count(">countdown-0<") == 1
    assert svg == charts.accuracy(names, models)


def test_curves_need_two_points():
    rows = [{"step": 1, "loss": 2.0}, {"step": 2, "reward": 1}]
    assert charts.curve(rows, "loss", "loss", "model-1") is None
    assert charts.curve([], "loss", "loss", "model-1") is None
    svg = charts.curve(
        [*rows, {"step": 3, "loss": 1.0, "validation": 0.5}], "loss", "loss", "model-1", "validation", "held out"
    )
    assert svg is not None
    assert "held out" in _check(svg)


def test_running_mean_by_hand():
    assert charts.running_mean(np.array([1.0, 2.0, 6.0, 3.0]), 1).tolist() == [1.5, 3.0, 11 / 3, 4.5]
    assert charts.running_mean(np.array([4.0]), 3).tolist() == [4.0]


def test_lengths_and_counts():
    assert "base" in _check(charts.lengths([0, 10, 20], {"base": [3, 1], "grpo": [0, 0]}))
    pairs = _check(charts.counts({"correct": {"0": 3, "2": 1}, "incorrect": {"1": 4}}, "pairs", "questions"))
    assert "questions" in pairs
    assert "tokens" in _check(charts.counts({"traces": {"64": 3, "128": 1}}, "tokens", "traces", 64))


def test_ids_differ_between_charts():
    one = charts.counts({"traces": {"1": 3, "2": 1}}, "attempts", "traces")
    other = charts.counts({"traces": {"1": 3, "2": 1}}, "tokens", "traces")
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
