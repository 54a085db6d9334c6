"""The waterfall of a run: when each step was at work, and when it was starting."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sfray.io.files import replacing
from sfray.report import charts
from sfray.store.profile import KINDS, UNKNOWN, WORK, Profile

_WIDTH, _ROW = 7.4, 0.24

_COLORS = {
    "driver": "model-3",
    "ray": "model-4",
    "workers": "model-5",
    "imports": "model-0",
    "engine": "model-1",
    WORK: "model-2",
    "export": "correct",
    UNKNOWN: "incorrect",
}
_NAMES = {"workers": "processes", "engine": "engine load", UNKNOWN: "not split"}

_PLAIN = {
    charts.INK: "#1a1a1a",
    charts.MUTED: "#555555",
    charts.LINE: "#cccccc",
    **dict(
        zip(
            charts.SERIES.values(),
            ("#8a8f98", "#c77d1e", "#2f6fb3", "#7a5195", "#bc5090", "#d9a441", "#3d8f5f", "#b0b0b0"),
            strict=True,
        )
    ),
}
"""Colours for a file of its own, where no page replaces the marks."""


def svg(profile: Profile) -> str:
    """The waterfall as a part of a page."""
    with rc_context(charts.STYLE | {"axes.grid.axis": "x"}):
        return charts.to_svg(_drawn(profile, dict(zip(_PLAIN, _PLAIN, strict=True))), "waterfall")


def write(profile: Profile, file: Path) -> None:
    """The waterfall as a picture of its own: SVG, PNG or PDF, by the file's suffix."""
    style = {key: _PLAIN.get(value, value) if isinstance(value, str) else value for key, value in charts.STYLE.items()}
    with rc_context(style | {"axes.grid.axis": "x"}), replacing(file) as temporary:
        figure = _drawn(profile, _PLAIN).get_figure()
        figure.savefig(temporary, format=file.suffix.lstrip(".") or "svg", dpi=160, facecolor="white")  # type: ignore[union-attr]


def _drawn(profile: Profile, colors: dict[str, str]) -> Axes:
    steps = list(dict.fromkeys(part.step for part in profile.parts))
    figure = Figure(figsize=(_WIDTH, 1.0 + _ROW * len(steps)), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    for kind in KINDS:
        parts = [part for part in profile.parts if part.kind == kind and part.seconds > 0]
        if parts:
            axes.barh(
                [steps.index(part.step) for part in parts],
                [part.seconds / 60 for part in parts],
                0.7,
                left=[part.began / 60 for part in parts],
                color=colors[charts.SERIES[_COLORS[kind]]],
                label=_NAMES.get(kind, kind),
            )
    axes.set_yticks(range(len(steps)), steps)
    axes.invert_yaxis()
    axes.set_xlabel("minutes")
    axes.tick_params(axis="both", length=0)
    charts.legend(axes)
    return axes
