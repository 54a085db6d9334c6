"""Multiple choice: letters, option texts, and the loaders' rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.config import SplitConfig
from sfray.records import Question, Reject
from sfray.tasks.choice import Choice, CommonsenseQa, Gpqa
from sfray.tasks.outcome import Reason

GOLD = {"letter": "B", "options": ["a bank", "a  Library", "C", "3.10", "a mall"]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("B", Reason.CORRECT),
        ("b", Reason.CORRECT),
        ("(B)", Reason.CORRECT),
        ("(b)", Reason.CORRECT),
        ("B.", Reason.CORRECT),
        ("B)", Reason.CORRECT),
        ("B:", Reason.CORRECT),
        ("a library", Reason.CORRECT),
        ("A LIBRARY", Reason.CORRECT),
        ("B. a library", Reason.CORRECT),
        ("(B) a library", Reason.CORRECT),
        ("A", Reason.WRONG_VALUE),
        ("a bank", Reason.WRONG_VALUE),
        ("C", Reason.WRONG_VALUE),
        ("B. a bank", Reason.BAD_SYNTAX),
        ("A or B", Reason.BAD_SYNTAX),
        ("A, B", Reason.BAD_SYNTAX),
        ("AB", Reason.BAD_SYNTAX),
        ("F", Reason.BAD_SYNTAX),
        ("not B", Reason.BAD_SYNTAX),
        ("option B", Reason.BAD_SYNTAX),
        ("((B))", Reason.BAD_SYNTAX),
        ("library", Reason.BAD_SYNTAX),
        ("В", Reason.BAD_SYNTAX),
        ("2", Reason.BAD_SYNTAX),
        ("B" * 5_000, Reason.TOO_LONG),
    ],
)
def test_each_answer_has_its_reason(answer: str, reason: Reason) -> None:
    assert Choice.judge(GOLD, answer).reason is reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("AaBb", Reason.CORRECT),
        ("C. AaBb", Reason.CORRECT),
        ("AABB", Reason.WRONG_VALUE),
        ("aaBB", Reason.BAD_SYNTAX),
        ("A. AaBb", Reason.BAD_SYNTAX),
        ("none", Reason.WRONG_VALUE),
    ],
)
def test_case_tells_options_apart_that_differ_in_nothing_else(answer: str, reason: Reason) -> None:
    gold = {"letter": "C", "options": ["AABB", "aabb", "AaBb", "None"]}
    assert Choice.gold_problem(gold) is None
    assert Choice.judge(gold, answer).reason is reason


@given(st.sampled_from("ABCDE"), st.sampled_from(["{}", "({})", "{}.", "{})", "{}:", " {}\n"]), st.booleans())
def test_one_letter_of_five_is_right_in_any_dress(letter: str, form: str, lower: bool) -> None:
    answer = form.format(letter.lower() if lower else letter)
    assert Choice.judge(GOLD, answer).correct is (letter == "B")


@pytest.mark.parametrize(
    "gold",
    [
        {},
        {"letter": "C", "options": ["a", "b"]},
        {"letter": "AB", "options": ["a", "b"]},
        {"letter": "A", "options": ["a"]},
        {"letter": "A", "options": ["a b", "a  b "]},
        {"letter": "", "options": ["a", "b"]},
        {"letter": 1, "options": ["a", "b"]},
        {"letter": "A", "options": ["a", ""]},
    ],
)
def test_bad_golds_are_named(gold: dict) -> None:
    assert Choice.gold_problem(gold) is not None


def commonsense(i: int, **changes: object) -> dict:
    row = {
        "id": f"{i:032x}",
        "question": f"Where is shop {i}?",
        "question_concept": "shop",
        "choices": {"label": list("ABCDE"), "text": [f"place {i} {c}" for c in "abcde"]},
        "answerKey": "ABCDE"[i % 5],
    }
    return row | changes


def write_jsonl(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return str(path)


def test_commonsense_qa_reads_its_columns(tmp_path: Path) -> None:
    rows = [commonsense(i) for i in range(6)]
    rows += [
        commonsense(6, answerKey=""),
        commonsense(7, answerKey="F"),
        commonsense(8, choices={"label": ["A"], "text": []}),
    ]
    path = write_jsonl(tmp_path / "validation.jsonl", rows)
    task = CommonsenseQa({"path": {"validation": path}, "splits": {"eval": "validation"}})
    found = list(task.questions("eval", SplitConfig(["-"], 6), 0))
    questions = {q.text.splitlines()[0]: q for q in found if isinstance(q, Question)}
    assert len(questions) == 6
    first = questions["Where is shop 0?"]
    assert first.text.splitlines()[1:] == [*(f"{c.upper()}. place 0 {c}" for c in "abcde"), "Which option is right?"]
    assert (first.answer, json.loads(first.gold)["letter"]) == ("A", "A")
    assert sorted(q.id for q in questions.values()) == [f"commonsense_qa:eval:{i:06d}" for i in range(6)]
    with pytest.raises(ValueError, match=r"6 questions for split 'eval'.*\(3 rows rejected\), 10 are wanted"):
        list(task.questions("eval", SplitConfig(["-"], 10), 0))
    reasons = [r.reason for r in task.questions("eval", SplitConfig(["-"], 9), 0) if isinstance(r, Reject)]
    assert sorted(reasons) == ["bad_gold", "bad_row", "no_gold"]


def gpqa_file(path: Path, count: int) -> str:
    names = [
        "Record ID",
        "Question",
        "Correct Answer",
        "Incorrect Answer 1",
        "Incorrect Answer 2",
        "Incorrect Answer 3",
    ]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for i in range(count):
            writer.writerow([f"rec{i}", f"Question {i}?", f"{i}.10", f"{i}.1", f"{i}.2\n", f" {i}.3"])
    return str(path)


def test_gpqa_shuffles_each_question_by_itself(tmp_path: Path) -> None:
    path = gpqa_file(tmp_path / "gpqa_diamond.csv", 198)

    def load(seed: int, **options: object) -> dict[str, Question]:
        rows = Gpqa({"path": path, **options}).questions("eval", SplitConfig(["-"], 198), seed)
        return {q.text.splitlines()[0]: q for q in rows if isinstance(q, Question)}

    questions = load(0)
    letters = [q.answer for q in questions.values()]
    assert all(35 <= letters.count(letter) <= 65 for letter in "ABCD")
    for name, question in questions.items():
        number = name.split()[1].rstrip("?")
        gold = json.loads(question.gold)
        assert gold["options"]["ABCD".index(gold["letter"])] == f"{number}.10"
        assert sorted(gold["options"]) == sorted(f"{number}.{x}" for x in ("10", "1", "2", "3"))
    again = load(1)
    assert {n: q.gold for n, q in again.items()} == {n: q.gold for n, q in questions.items()}
    assert {n: q.gold for n, q in load(0, shuffle_seed=1).items()} != {n: q.gold for n, q in questions.items()}
    assert [q.text for q in again.values()] != [q.text for q in questions.values()]


def test_gpqa_serves_evaluation_only() -> None:
    with pytest.raises(ValueError, match=r"task\.sft\.count: gpqa serves only eval"):
        list(Gpqa().questions("sft", SplitConfig(["-"], 1), 0))
