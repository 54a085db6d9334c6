import io

from rich.console import Console

from sfray.evaluation.scorecard import Tally, card
from sfray.report import digest
from sfray.report.tables import Cell, Table

_ESTIMATE = {"mean": 0.25, "low": 0.2, "high": 0.3}
_VOTES = {"pass": _ESTIMATE, "majority": _ESTIMATE, "verified_majority": _ESTIMATE}
_EQUAL = {"budget": 1280, "answers": 2.04, "budget_used_up": 1.0} | _VOTES


def _difference(ours, group, mean, p):
    return {
        "ours": ours, "minus": "a", "group": group, "mean": mean, "low": mean - 0.1, "high": mean + 0.1,
        "by_seed": [mean, mean], "better": 3, "worse": 1, "p": p, "p_holm": 2 * p,
    }  # fmt: skip


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_accuracy_marks_the_best():
    found = {"accuracy": {"a": {"overall": _ESTIMATE}, "b": {"overall": _ESTIMATE | {"mean": 0.28}}}}
    table = digest.accuracy(found)
    assert table.head == ("", "a", "b")
    assert table.rows == [
        [Cell("average of all", kind="name"), Cell("25.0", "20.0 – 30.0"), Cell("28.0", "20.0 – 30.0", "best")]
    ]


def test_differences_are_grouped_by_pair():
    found = {"differences": [_difference("b", "countdown-4", 0.2, 0.0001), _difference("b", "overall", -0.05, 0.3)]}
    table = digest.differences(found)
    assert texts(table) == [
        ["b − a", "", "", "", "", ""],
        ["countdown-4", "+20.0", "+20.0 +20.0", "3 / 1", "< 0.001", "< 0.001"],
        ["average of all", "-5.0", "-5.0 -5.0", "3 / 1", "0.300", "0.600"],
    ]
    assert [row[1].kind for row in table.rows[1:]] == ["best", ""]


def test_a_scorecard_without_figures_is_all_dashes():
    empty = card([Tally()])
    table = digest.scorecard({"base": {"countdown-3": empty}, "sft": {"countdown-3": empty}})
    assert table.head == ("", "base", "sft")
    assert texts(table)[0] == ["countdown-3", "", ""]
    assert {tuple(row[1:]) for row in texts(table)[1:]} == {("–", "–")}
    assert len(table.rows) == 18
    assert texts(digest.attempts({"base": {"countdown-3": empty}}))[1] == ["countdown-3", *["–"] * 6]


def test_attempts_side_by_side():
    depth = {"attempt": 2, "responses": 1200, "accuracy": _ESTIMATE, "uses_all": None}
    cards = {"sft": {"countdown-3": {"by_attempt": [depth | {"attempt": 1, "uses_all": _ESTIMATE}, depth]}}}
    row = digest.attempts(cards).rows[1]
    assert row[1:4] == [Cell("25.0 / 25.0", "of 1,200"), Cell("25.0", "of 1,200"), Cell("–")]


def test_votes_show_what_all_have_answers_for():
    few = {"at": [{"k": 1} | _VOTES, {"k": 2} | _VOTES], "equal_tokens": _EQUAL}
    many = {"at": [*few["at"], {"k": 4} | _VOTES], "equal_tokens": _EQUAL | {"budget_used_up": 0.9}}
    by_name = {"a": {"countdown-3": few}, "b": {"countdown-3": many}}
    assert digest.votes(by_name).head == ("", "one answer", "pass@2", "maj@2", "verified-maj@2")
    assert texts(digest.votes(by_name))[1] == ["countdown-3", *["25.0"] * 4]
    assert [row[:3] for row in texts(digest.equal_tokens(by_name))] == [
        ["a", "", ""], ["countdown-3", "1,280", "2.0"], ["b", "", ""], ["countdown-3", "1,280", "2.0 *"]
    ]  # fmt: skip


def test_markdown_and_terminal_say_the_same():
    table = Table(
        ("", "a|b"), [[Cell("g", kind="group"), Cell("")], [Cell("x", kind="name"), Cell("1", "0 – 2", "best")]]
    )
    assert digest.markdown("Title", table) == (
        "## Title\n\n|  | a\\|b |\n| --- | ---: |\n| **g** |  |\n| x | **1 (0 – 2)** |\n"
    )
    out = io.StringIO()
    Console(file=out, width=60).print(digest.rich("Title", table))
    assert "1 (0 – 2)" in out.getvalue()
