"""OpenThoughts3: golds read from published solutions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfray.config import SplitConfig
from sfray.records import Question, Reject
from sfray.rejects import RejectReason
from sfray.tasks.loaded import BadRow
from sfray.tasks.openthoughts import OpenThoughts
from sfray.tasks.outcome import Reason


def row(question: str, solution: str, **changes: object) -> dict:
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": solution}]
    return {"difficulty": 8, "source": "a", "domain": "math", "conversations": turns} | changes


THINK = "<think>\nMaybe \\boxed{1}.\n</think>\n\n"


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (THINK + r"So \boxed{42}.", "42"),
        (THINK + r"\boxed{42} again \boxed{ 42 }", "42"),
        (THINK + r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (THINK + "a</think>" + r"\boxed{7}", "7"),
    ],
)
def test_the_gold_is_the_box_after_the_thinking(solution: str, answer: str) -> None:
    draft = OpenThoughts().draft(row("What?", solution))
    assert (draft.key, draft.text, draft.answer, json.loads(draft.gold)) == (
        "What?",
        "What?",
        answer,
        {"answer": answer},
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("What?", THINK + "It is 42."), RejectReason.NO_GOLD),
        (row("What?", THINK + r"\boxed{1} or \boxed{2}"), RejectReason.NO_GOLD),
        (row("What?", r"\boxed{42}"), RejectReason.NO_GOLD),
        (row("What?", r"<think>\boxed{42}"), RejectReason.NO_GOLD),
        (row(" ", THINK + r"\boxed{42}"), RejectReason.BAD_ROW),
        (row("What?", "", conversations=[]), RejectReason.BAD_ROW),
        (row("What?", "", conversations=None), RejectReason.BAD_ROW),
        (row("What?", "", conversations=[{"from": "gpt", "value": "a"}] * 2), RejectReason.BAD_ROW),
        (row("What?", THINK + r"\boxed{42}", domain="code"), RejectReason.OTHER_DOMAIN),
    ],
)
def test_other_rows_are_none(bad: dict, reason: RejectReason) -> None:
    with pytest.raises(BadRow) as caught:
        OpenThoughts({"domains": ["math"]}).draft(bad)
    assert caught.value.reason is reason


def test_repeated_questions_are_taken_once_and_splits_share_none(tmp_path: Path) -> None:
    # The published set holds 16 solutions of each question.
    rows = [row(f"What is {i}?", f"{THINK}\\boxed{{{i}}}") for i in range(40) for _ in range(3)]
    rows += [row("What is x?", THINK + r"\boxed{$}")]
    path = tmp_path / "openthoughts.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    task = OpenThoughts({"path": str(path)})
    taken = {s: list(task.questions(s, SplitConfig(["-"], 12), 0)) for s in ("sft", "rl")}
    texts = {s: [q.text for q in rows if isinstance(q, Question)] for s, rows in taken.items()}
    assert [len(set(t)) for t in texts.values()] == [12, 12]
    assert not set(texts["sft"]) & set(texts["rl"])
    assert {r.reason for rows in taken.values() for r in rows if isinstance(r, Reject)} <= {"duplicate_row", "bad_gold"}


def test_it_judges_by_equality_and_names_bad_options() -> None:
    assert OpenThoughts.judge({"answer": "42"}, "$42$").reason is Reason.CORRECT
    assert OpenThoughts.gold_problem({"answer": ""}) is not None
    with pytest.raises(ValueError, match=r"task\.options\.domains: a list of names"):
        OpenThoughts({"domains": "math"})
