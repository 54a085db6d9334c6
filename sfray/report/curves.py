"""The budget figure: accuracy over tokens with a band for each model, for a page or a paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from sfray.io.files import replacing
from sfray.report.charts import STYLE

_INK, _MUTED, _LINE = "#1c1c1c", "#5a5a5a", "#dcdcdc"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Okabe and Ito's, which most colour-blind readers tell apart; dashes do so for everybody."""
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
ON_WHITE = {
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _MUTED,
    "axes.facecolor": "white",
    "figure.facecolor": "white",
    "grid.color": _LINE,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _MUTED,
    "ytick.labelcolor": _MUTED,
    "legend.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "svg.hashsalt": "budget",
}
_PANEL = (4.2, 2.9)
_COLUMNS = 2

Curve = Mapping[str, Sequence[float]]


def draw(tokens: Sequence[int], curves: Mapping[str, Mapping[str, Curve]], confidence: float) -> Figure:
    """A panel for each group of questions.

    Args:
        tokens: The budgets.
        curves: Model -> group -> ``mean``, ``low`` and ``high`` at each budget, as fractions.
        confidence: Of the bands.
    """
    groups = list(next(iter(curves.values())))
    columns = min(_COLUMNS, len(groups))
    rows = math.ceil(len(groups) / columns)
    figure = Figure(figsize=(_PANEL[0] * columns, _PANEL[1] * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes, group in zip(panels.flat, groups, strict=False):
        for i, (name, by_group) in enumerate(curves.items()):
            color = COLORS[i % len(COLORS)]
            low, mean, high = ([0.0, *(100 * x for x in by_group[group][side])] for side in ("low", "mean", "high"))
            axes.fill_between([0, *tokens], low, high, color=color, alpha=0.16, linewidth=0)
            axes.plot([0, *tokens], mean, color=color, linestyle=_DASHES[i % len(_DASHES)], label=name)
        axes.set_title("average of all" if group == "overall" else group, loc="left", fontsize=10)
        axes.set_xlabel("tokens per answer, at most")
        axes.set_ylabel("accuracy, %")
        axes.set_xlim(0, tokens[-1])
        axes.set_ylim(bottom=0)
    for axes in figure.axes[len(groups) :]:
        axes.set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=min(4, len(labels)), handlelength=2.4)
    figure.supxlabel(f"bands: {100 * confidence:g} % intervals", x=0.99, ha="right", fontsize=8, color=_MUTED)
    return figure


def write(folder: Path, tokens: Sequence[int], curves: Mapping[str, Mapping[str, Curve]], confidence: float) -> None:
    """Writes ``budget.svg`` and ``budget.png``, each whole or not at all."""
    with rc_context(STYLE | ON_WHITE):
        figure = draw(tokens, curves, confidence)
        for kind in ("svg", "png"):
            with replacing(folder / f"budget.{kind}") as temporary:
                metadata = {"Date": None} if kind == "svg" else {"Software": None}
                figure.savefig(temporary, format=kind, dpi=160, metadata=metadata)
