"""Scoring JSON lines from anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfray.io.userfiles import utf8_lines
from sfray.tasks.score import score_lines

GOLD = {"numbers": [3, 5, 8], "target": 64}


def line(**fields: object) -> str:
    return json.dumps(GOLD | fields)


def test_each_line_is_scored_in_order() -> None:
    lines = [
        line(text="<answer>(3 + 5) * 8</answer>"),
        "\n",
        line(id="b", text="<answer>2**6</answer>"),
        line(text="no"),
        line(text="<answer>" + "(" * 100_000 + "</answer>"),
    ]
    assert list(score_lines("countdown", lines)) == [
        {"line": 1, "correct": True, "reason": "correct", "answer": "(3 + 5) * 8"},
        {"line": 3, "id": "b", "correct": False, "reason": "bad_syntax", "answer": "2**6"},
        {"line": 4, "correct": False, "reason": "no_answer", "answer": None},
        {"line": 5, "correct": False, "reason": "too_long", "answer": "(" * 200},
    ]


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        (json.dumps(GOLD), "text: expected a string"),
        (line(text=5), "text: expected a string"),
        (line(text="x", numbers="35"), "numbers: expected a list"),
        (line(text="x", target=None), "target: expected an integer"),
        ("NaN", "not a JSON object"),
    ],
)
def test_a_bad_line_is_neither_right_nor_wrong(bad: str, detail: str) -> None:
    (row,) = score_lines("countdown", [bad])
    assert (row["line"], row["correct"], row["reason"], row["answer"]) == (1, None, "bad_line", None)
    assert row["detail"].startswith(detail)


def test_other_tasks_use_their_own_gold() -> None:
    lines = [json.dumps({"factors": [12, 34], "text": "<answer>408</answer>"})]
    assert [r["correct"] for r in score_lines("multiplication", lines)] == [True]
    lines = [json.dumps({"letter": "B", "options": ["x", "y"], "text": "<answer>(b)</answer>"})]
    assert [r["correct"] for r in score_lines("commonsense_qa", lines)] == [True]
    with pytest.raises(ValueError, match="did you mean 'countdown'"):
        list(score_lines("cuntdown", lines))


def test_a_files_mark_line_ends_and_bad_bytes(tmp_path: Path) -> None:
    good = line(text="<answer>(3 + 5) * 8</answer>").encode()
    (tmp_path / "x.jsonl").write_bytes(b"\xef\xbb\xbf" + good + b"\r\n\xff\r\n" + good)
    first, second, third = score_lines("countdown", utf8_lines(tmp_path / "x.jsonl"))
    assert [first["correct"], third["correct"]] == [True, True]
    assert (second["line"], second["reason"], second["detail"]) == (2, "bad_line", "not UTF-8: invalid start byte")
