"""Findings as tables of text cells, for a terminal, a Markdown file and the report page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

from sfray.report.tables import Cell, Table, estimate

Json = Mapping[str, Any]

_VOTES = ("pass", "majority", "verified_majority")
_DEPTHS = 6
"""Attempts shown side by side."""


def tables(findings: Json) -> dict[str, Table]:
    """Every table of a comparison, by its title."""
    percent = f"{100 * findings['confidence']:g} %"
    return {
        f"Accuracy, % ({percent} interval)": accuracy(findings),
        f"Differences, points ({percent} interval)": differences(findings),
        "Skills": scorecard(findings["scorecard"]),
        "Attempt by attempt: right, % / uses everything given, %": attempts(findings["scorecard"]),
        "Several answers, %": votes(findings["votes"]),
        "Several answers at equal tokens, %": equal_tokens(findings["votes"]),
    }


def accuracy(findings: Json) -> Table:
    """Accuracy of each contender in each group, the seeds' own behind it."""
    by_name = findings["accuracy"]
    rows = []
    for group in next(iter(by_name.values())):
        best = max(found[group]["mean"] for found in by_name.values())
        cells = [estimate(f[group], kind="best" if f[group]["mean"] == best > 0 else "") for f in by_name.values()]
        rows.append([Cell(_level(group), kind="name"), *cells])
    return Table(("", *by_name), rows)


def _level(name: str) -> str:
    return "average of all" if name == "overall" else name


def differences(findings: Json) -> Table:
    """Each pair of contenders; bold where the interval leaves out 0."""
    rows = []
    for pair, found in _grouped(findings["differences"]):
        rows.append([Cell(pair, kind="group"), *[Cell("")] * 5])
        rows += [[Cell(_level(d["group"]), kind="name"), *_difference(d)] for d in found]
    return Table(("", "difference", "by seed", "questions better / worse", "p (McNemar)", "p (Holm)"), rows)


def _grouped(found: Sequence[Json]) -> Iterator[tuple[str, list[Json]]]:
    for ours, theirs in dict.fromkeys((d["ours"], d["minus"]) for d in found):
        yield f"{ours} − {theirs}", [d for d in found if (d["ours"], d["minus"]) == (ours, theirs)]


def _difference(d: Json) -> list[Cell]:
    clear = d["low"] > 0 or d["high"] < 0
    return [
        Cell(f"{100 * d['mean']:+.1f}", f"{100 * d['low']:+.1f} – {100 * d['high']:+.1f}", "best" * clear),
        Cell(" ".join(f"{100 * gap:+.1f}" for gap in d["by_seed"])),
        Cell(f"{d['better']} / {d['worse']}"),
        Cell(_p(d["p"])),
        Cell(_p(d["p_holm"])),
    ]


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def scorecard(cards: Mapping[str, Mapping[str, Json]]) -> Table:
    """Model -> group -> :func:`sfray.evaluation.scorecard.card`, a row for each measure, a column for each model."""
    rows = []
    for group in next(iter(cards.values())):
        rows.append([Cell(group, kind="group"), *[Cell("")] * len(cards)])
        for title, cell in _MEASURES.items():
            rows.append([Cell(title, kind="name"), *(cell(by_group[group]) for by_group in cards.values())])
    return Table(("", *cards), rows)


def _number(value: Json | None, digits: int) -> Cell:
    if value is None:
        return Cell("–")
    mean, low, high = (f"{value[side]:,.{digits}f}" for side in ("mean", "low", "high"))
    return Cell(mean, f"{low} – {high}")


def _points(value: Json | None) -> Cell:
    if value is None:
        return Cell("–")
    return Cell(f"{100 * value['mean']:+.1f}", f"{100 * value['low']:+.1f} – {100 * value['high']:+.1f}")


_MEASURES: Mapping[str, Callable[[Json], Cell]] = {
    "attempts": lambda card: _number(card["attempts"], 2),
    "attempts until it stops": lambda card: _number(card["attempts_until_stop"], 2),
    "checks": lambda card: _number(card["reflections"], 2),
    "checks after a right verified answer": lambda card: _number(card["checks_after_verified"], 2),
    "F1 of Correct, %": lambda card: estimate(card["verdicts"]["correct"]["f1"]),
    "F1 of Incorrect, %": lambda card: estimate(card["verdicts"]["incorrect"]["f1"]),
    "precision of Correct, %": lambda card: estimate(card["verdicts"]["correct"]["precision"]),
    "first attempt right, %": lambda card: estimate(card["first_attempt"]),
    "final answer right, %": lambda card: estimate(card["final_answer"]),
    "gain, points": lambda card: _points(card["gain"]),
    "incorrect → correct, %": lambda card: estimate(card["incorrect_to_correct"]),
    "correct → incorrect, %": lambda card: estimate(card["correct_to_incorrect"]),
    "attempts that use everything, %": lambda card: estimate(card["uses_all"]),
    "tokens": lambda card: _number(card["tokens_per_response"], 0),
    "tokens per solved question": lambda card: _number(card["tokens_per_solved"], 0),
    "valid grammar, %": lambda card: estimate(card["valid_grammar"]),
    "truncated, %": lambda card: estimate(card["truncated"]),
}


def _by_group(
    cards: Mapping[str, Mapping[str, Json]], width: int, cells: Callable[[Json], list[Cell]]
) -> Iterator[list[Cell]]:
    for name, by_group in cards.items():
        yield [Cell(name, kind="group"), *[Cell("")] * (width - 1)]
        for group, figures in by_group.items():
            yield [Cell(group, kind="name"), *cells(figures)]


def attempts(cards: Mapping[str, Mapping[str, Json]]) -> Table:
    """Accuracy of the n-th attempt, and how many of them use everything."""
    head = ("", *(f"attempt {i + 1}" for i in range(_DEPTHS)))
    return Table(head, list(_by_group(cards, len(head), _depths)))


def _depths(card: Json) -> list[Cell]:
    found = {depth["attempt"]: depth for depth in card["by_attempt"]}
    return [_depth(found[i + 1]) if i + 1 in found else Cell("–") for i in range(_DEPTHS)]


def _depth(depth: Json) -> Cell:
    whole = f" / {estimate(depth['uses_all']).text}" if depth["uses_all"] else ""
    return Cell(estimate(depth["accuracy"]).text + whole, f"of {depth['responses']:,}")


def votes(by_name: Mapping[str, Mapping[str, Json]]) -> Table:
    """pass@k, maj@k and verified-maj@k for each k that every contender has answers enough for."""
    shared = [k for k in _sizes(by_name) if k > 1]
    head = ("", "one answer", *(f"{name}@{k}" for k in shared for name in ("pass", "maj", "verified-maj")))

    def cells(figures: Json) -> list[Cell]:
        """One answer, then each k."""
        at = {entry["k"]: entry for entry in figures["at"]}
        return [estimate(at[1]["pass"]), *(estimate(at[k][v]) for k in shared for v in _VOTES)]

    return Table(head, list(_by_group(by_name, len(head), cells)))


def _sizes(by_name: Mapping[str, Mapping[str, Json]]) -> list[int]:
    there = [{entry["k"] for entry in f["at"]} for by_group in by_name.values() for f in by_group.values()]
    return sorted(set.intersection(*there))


def equal_tokens(by_name: Mapping[str, Mapping[str, Json]]) -> Table:
    """The same within one budget of tokens for all; a star where the answers do not use it up."""
    head = ("", "budget", "answers", "pass", "maj", "verified-maj")
    return Table(head, list(_by_group(by_name, len(head), _equal)))


def _equal(figures: Json) -> list[Cell]:
    equal = figures["equal_tokens"]
    short = "" if equal["budget_used_up"] == 1 else " *"
    return [Cell(f"{equal['budget']:,}"), Cell(f"{equal['answers']:.1f}{short}"), *(estimate(equal[v]) for v in _VOTES)]


def rich(title: str, table: Table) -> RichTable:
    """A table for a terminal."""
    made = RichTable(title=title, title_justify="left", box=SIMPLE_HEAD)
    for i, name in enumerate(table.head):
        made.add_column(name, justify="right" if i else "left")
    for row in table.rows:
        style = "bold" if row[0].kind == "group" else ""
        made.add_row(*(_text(cell) for cell in row), style=style)
    return made


def markdown(title: str, table: Table) -> str:
    """A table for a Markdown file, with its title as a heading."""
    rows = [table.head, ["---", *["---:"] * (len(table.head) - 1)]]
    rows += [[_bold(_text(cell), cell.kind in ("best", "group")) for cell in row] for row in table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([f"## {title}", "", *lines, ""])


def page(findings: Json) -> str:
    """The whole comparison in Markdown, with the budget figure beside it."""
    paired = (
        "the same questions in every seed" if findings["same_questions_in_every_seed"] else "each seed's own questions"
    )
    asked = ", ".join(f"{group}: {' + '.join(map(str, n))}" for group, n in findings["questions"].items())
    left_out = findings["questions_left_out"]
    lines = [
        f"# {' · '.join(findings['contenders'])}",
        "",
        f"Seeds {', '.join(map(str, findings['seeds']))}, {paired} ({asked}).",
        *([f"{left_out} questions that not everyone answered are left out."] if left_out else []),
        "",
        *(markdown(title, table) for title, table in tables(findings).items()),
        "A star: the answers do not use the budget up, so the figure is too low.",
        "",
        "## Accuracy by tokens",
        "",
        "![Accuracy by tokens](budget.svg)",
        "",
    ]
    return "\n".join(lines)


def _text(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text


def _bold(text: str, wanted: bool) -> str:
    return f"**{text}**" if wanted and text else text
