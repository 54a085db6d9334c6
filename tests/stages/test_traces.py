"""The ``traces`` stage: what makes its artifacts others."""

from __future__ import annotations

import pytest

from sfray.compose import load
from sfray.graph import build
from sfray.stages import traces


def test_traces_that_were_drawn_in_another_way_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    step = build(load([]))["traces"]
    before = step.stage.identity(step.settings)
    monkeypatch.setattr(traces, "DRAWS", traces.DRAWS + 1)
    assert step.stage.identity(step.settings) == before | {"draws": before["draws"] + 1}
