"""The report's charts: inline SVG that follows the page's light or dark colours.

Matplotlib draws with stand-in colours, which become CSS variables of the page; text stays
text, in the page's own font.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK = "#101010"
"""Colour of text; like every colour here, a mark that the page's own colour replaces."""

MUTED = "#202020"
"""Colour of labels."""

LINE = "#303030"
"""Colour of axes and grids."""

MODELS = ("model-0", "model-1", "model-2", "model-3", "model-4", "model-5")
"""Colours of models, in order of training; the seventh has the first one's again."""

SERIES = {name: f"#4{i}4040" for i, name in enumerate(MODELS)} | {"correct": "#707070", "incorrect": "#808080"}
_VARIABLES = {INK: "--ink", MUTED: "--muted", LINE: "--line"} | {color: f"--{name}" for name, color in SERIES.items()}

STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}
"""Matplotlib settings of every chart."""
_SIZE = (5.2, 2.7)
_MOST_BARS = 15
_LEGEND = 4
"""Most entries of a legend that fit into one line."""
"""More than so many bars do not fit side by side on a phone."""


def accuracy(groups: Sequence[str], models: Mapping[str, Sequence[Mapping[str, float] | None]]) -> str:
    """Accuracy with its interval: a bar per model in each group.

    Args:
        groups: Labels of the groups.
        models: Model -> one estimate per group; None leaves a gap.
    """
    bars = len(groups) * len(models)
    with rc_context(STYLE | ({"axes.grid.axis": "x"} if bars > _MOST_BARS else {})):
        # Many bars lie down, one below the other, so that a phone can show them.
        axes = _axes((_SIZE[0], 0.7 + 0.17 * bars) if bars > _MOST_BARS else _SIZE)
        _bars(axes, models, upright=bars <= _MOST_BARS)
        if bars <= _MOST_BARS:
            axes.set_xticks(range(len(groups)), groups)
            axes.tick_params(axis="x", length=0)
            axes.set_ylabel("accuracy, %")
        else:
            axes.set_yticks(range(len(groups)), groups)
            axes.set_xlabel("accuracy, %")
            axes.set_ylim(len(groups) - 0.5, -0.5)
        legend(axes)
        return to_svg(axes, "accuracy")


def _bars(axes: Axes, models: Mapping[str, Sequence[Mapping[str, float] | None]], upright: bool) -> None:
    thickness = 0.78 / max(len(models), 1)
    for i, (name, estimates) in enumerate(models.items()):
        shown = [(g, e) for g, e in enumerate(estimates) if e is not None]
        place = [g + (i - (len(models) - 1) / 2) * thickness for g, _ in shown]
        mean = np.array([100 * e["mean"] for _, e in shown])
        low, high = (np.array([100 * e[side] for _, e in shown]) for side in ("low", "high"))
        errors = [(mean - low).tolist(), (high - mean).tolist()]
        style: dict[str, Any] = {"fmt": "none", "ecolor": INK, "elinewidth": 1, "capsize": 2}
        if upright:
            axes.bar(place, mean, thickness * 0.9, color=SERIES[model_color(i)], label=name)
            axes.errorbar(place, mean, yerr=errors, **style)
        else:
            axes.barh(place, mean, thickness * 0.9, color=SERIES[model_color(i)], label=name)
            axes.errorbar(mean, place, xerr=errors, **style)


def model_color(number: int) -> str:
    """The colour of a model: a member of :data:`SERIES`, and a class of the page's style."""
    return MODELS[number % len(MODELS)]


def curve(
    rows: Sequence[Mapping[str, Any]], key: str, label: str, color: str, marks: str = "", marks_label: str = ""
) -> str | None:
    """A figure over training steps: faint as measured, strong as a running mean.

    Args:
        rows: Lines of ``metrics.jsonl``.
        key: What to draw; rows without it are left out.
        label: Its name on the axis.
        color: A member of :data:`SERIES`.
        marks: Another key, drawn as dots where present.
        marks_label: Its name.

    Returns:
        None when fewer than two rows have the key.
    """
    points = [(r["step"], r[key]) for r in rows if isinstance(r.get(key), int | float)]
    if len(points) < 2:
        return None
    steps, values = np.array(points, float).T
    smooth = running_mean(values, max(1, len(values) // 12))
    with rc_context(STYLE):
        axes = _axes(_SIZE)
        axes.plot(steps, values, color=SERIES[color], alpha=0.35, linewidth=1)
        axes.plot(steps, smooth, color=SERIES[color], label=f"{label} (running mean)")
        dots = [(r["step"], r[marks]) for r in rows if marks and isinstance(r.get(marks), int | float)]
        if dots:
            axes.plot(*zip(*dots, strict=True), "o", color=INK, markersize=4, label=marks_label)
            legend(axes)
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if values.min() >= 0:
            axes.set_ylim(bottom=0)
        return to_svg(axes, f"curve-{key}-{label}")


def running_mean(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean over ``reach`` neighbours on each side, fewer at the ends; same shape (n,)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def lengths(edges: Sequence[int], models: Mapping[str, Sequence[int]]) -> str:
    """Distribution of response lengths: an outline per model, as shares of its responses."""
    with rc_context(STYLE):
        axes = _axes(_SIZE)
        for i, (name, counts) in enumerate(models.items()):
            color = SERIES[model_color(i)]
            share = 100 * np.array(counts) / max(sum(counts), 1)
            axes.stairs(share, edges, color=color, label=name, linewidth=1.6)
            axes.stairs(share, edges, color=color, fill=True, alpha=0.12)
        axes.set_xlabel("tokens")
        axes.set_ylabel("% of responses")
        axes.set_ylim(bottom=0)
        legend(axes)
        return to_svg(axes, "lengths")


def counts(histograms: Mapping[str, Mapping[str, int]], x_label: str, y_label: str, width: int = 1) -> str:
    """Bars of one or two histograms, side by side.

    Args:
        histograms: Name -> value -> how often; a name of :data:`SERIES` has its colour.
        x_label: What the values are.
        y_label: What is counted.
        width: Width of a bin: values are the first of each.
    """
    with rc_context(STYLE):
        axes = _axes(_SIZE)
        share = 0.86 * width / len(histograms)
        for i, (name, histogram) in enumerate(histograms.items()):
            offset = (i - (len(histograms) - 1) / 2) * share + (width / 2 if width > 1 else 0)
            x = [int(k) + offset for k in histogram]
            axes.bar(x, list(histogram.values()), share, color=SERIES.get(name, SERIES[model_color(i + 1)]), label=name)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axes.tick_params(axis="x", length=0)
        if len(histograms) > 1:
            legend(axes)
        return to_svg(axes, f"counts-{x_label}-{y_label}")


def _axes(size: tuple[float, float]) -> Axes:
    figure = Figure(figsize=size, layout="constrained")
    figure.patch.set_alpha(0)
    return figure.add_subplot()


def legend(axes: Axes) -> None:
    """A legend above the axes, in one line or two."""
    handles, _ = axes.get_legend_handles_labels()
    columns = len(handles) if len(handles) <= _LEGEND else math.ceil(len(handles) / 2)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=max(columns, 1), borderaxespad=0.2, handlelength=1.2)


def to_svg(axes: Axes, name: str) -> str:
    """The figure as an SVG element: ids made from ``name``, no header, no metadata, page colours."""
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.hashsalt": name}):
        axes.get_figure().savefig(buffer, format="svg", metadata=metadata, transparent=True)  # type: ignore[union-attr]
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    # Ids such as "figure_1" repeat from chart to chart; only hashed ones are referred to.
    text = re.sub(
        r' id="(?:figure|axes|patch|text|line2d|matplotlib\.axis|xtick|ytick|legend|[A-Z]\w+)_?\d*"', "", text
    )
    text = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"font-family: [^;]*; ", "", text)
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    return text.strip()
