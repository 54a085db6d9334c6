"""Rows of published data sets become questions: local files of every kind, splits, rejects, order."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sfray.config import SplitConfig, TaskConfig
from sfray.records import Question, Reject
from sfray.rejects import RejectReason
from sfray.tasks.gsm8k import Gsm8k
from sfray.tasks.loaded import BadRow, LoadedOptions, load, text_of
from sfray.tasks.outcome import Reason
from sfray.tasks.registry import build, problems


def rows(count: int, start: int = 0) -> list[dict]:
    return [{"question": f"How many is {i}?", "answer": f"It is {i}.\n#### {i:,}"} for i in range(start, start + count)]


def write(path: Path, rows: list[dict]) -> str:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def take(path: object, split: str, count: int, seed: int = 0, **options: object) -> list[Question | Reject]:
    return list(Gsm8k({"path": path, **options}).questions(split, SplitConfig(["-"], count), seed))


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_every_kind_of_file_gives_the_same_questions(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"gsm8k{suffix}", rows(20, 1_000))
    found = take(path, "eval", 5)
    assert [q.id for q in found] == [f"gsm8k:eval:{i:06d}" for i in range(5)]
    for question in found:
        assert isinstance(question, Question)
        number = question.text.split()[-1].rstrip("?")
        assert (question.answer, json.loads(question.gold)) == (number, {"number": number})
    assert [q.text for q in found] == [
        q.text for q in take(write(tmp_path / "again.jsonl", rows(20, 1_000)), "eval", 5)
    ]


def test_splits_of_one_source_share_its_rows_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path / "all.jsonl", rows(300))
    texts = {s: {q.text for q in take(path, s, 80, seed)} for seed, s in ((0, "sft"), (0, "rl"), (5, "eval"))}
    assert [len(t) for t in texts.values()] == [80, 80, 80]
    assert len(set.union(*texts.values())) == 240


def test_a_question_of_two_source_splits_goes_to_evaluation(tmp_path: Path) -> None:
    files = {"train": write(tmp_path / "a.jsonl", rows(40)), "test": write(tmp_path / "b.jsonl", rows(40, 30))}
    evaluated = {q.text for q in take(files, "eval", 40) if isinstance(q, Question)}
    assert len(evaluated) == 40
    left: list[Question | Reject] = []
    for split in ("sft", "rl"):
        source = Gsm8k({"path": files}).questions(split, SplitConfig(["-"], 40), 0)
        with pytest.raises(ValueError, match="40 are wanted"):
            left.extend(iter(source))
    trained = {q.text for q in left if isinstance(q, Question)}
    assert len(trained) == 30
    assert not trained & evaluated
    assert [r.reason for r in left if isinstance(r, Reject)] == ["duplicate_row"] * 10


def test_a_larger_count_only_appends_and_the_seed_orders(tmp_path: Path) -> None:
    path = write(tmp_path / "all.jsonl", rows(100))
    assert take(path, "eval", 20)[:8] == take(path, "eval", 8)
    assert [q.text for q in take(path, "eval", 20, seed=1)] != [q.text for q in take(path, "eval", 20)]


def test_bad_rows_are_rejects_with_a_reason(tmp_path: Path) -> None:
    bad = [
        {"question": "No mark?", "answer": "It is 5."},
        {"question": "No number?", "answer": "#### five"},
        {"question": "Empty?", "answer": ""},
        {"question": " ", "answer": "#### 5"},
        {"question": "How many is 0?", "answer": "#### 0"},
    ]
    path = write(tmp_path / "gsm8k.jsonl", rows(3) + bad)
    with pytest.raises(ValueError, match=r"gsm8k has 3 questions for split 'rl' in its own split 'train' \(5 rows"):
        take(path, "rl", 4, splits={"rl": "train"})
    with pytest.raises(ValueError, match=r"gsm8k has 3 questions for split 'eval' .* 9 are wanted"):
        take(path, "eval", 9, splits={"eval": "train"})
    found = take(path, "eval", 3, splits={"eval": "train"})
    good = [q for q in found if isinstance(q, Question)]
    assert sorted(q.answer for q in good) == ["0", "1", "2"]
    for reject in found:
        if isinstance(reject, Reject):
            assert reject.reason in {"no_gold", "bad_gold", "bad_row", "duplicate_row"}
            assert reject.id.startswith("gsm8k:train:00000")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "nowhere.jsonl"}, r"task\.options\.path: no file 'nowhere\.jsonl'"),
        ({"path": {"test": "nowhere"}}, r"task\.options\.path: no file 'nowhere'"),
        ({"path": 5}, r"task\.options\.path: a hub name"),
        ({"path": {"test": 5}}, r"task\.options\.path: 5 is no file name"),
        ({"splits": 5}, r"task\.options\.splits: a mapping of sft, rl, eval"),
        ({"splits": {"dev": "test"}}, r"task\.options\.splits\.dev: no such split"),
        ({"pth": "x"}, r"did you mean task\.options\.path"),
    ],
)
def test_bad_options_name_their_key(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Gsm8k(options)


def test_a_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", rows(3))
    with pytest.raises(ValueError, match=r"task\.options\.path: .*no split 'train', only test"):
        take({"test": path}, "sft", 1)
    with pytest.raises(ValueError, match=r"task\.options\.path: cannot load"):
        load(LoadedOptions(path="nobody/has-this-data-set"), "train")
    none, one = SplitConfig(["-"]), SplitConfig(["-"], 1)
    config = TaskConfig("gsm8k", {"splits": {"eval": "test"}}, sft=one, rl=none, eval=none)
    assert list(problems(config)) == ["task.sft.count: gsm8k serves only eval; see task.options.splits"]


def test_an_evaluation_of_every_row_goes_on_without_the_bad_ones(tmp_path: Path, caplog) -> None:
    path = write(tmp_path / "gsm8k.jsonl", [*rows(3), {"question": "No mark?", "answer": "It is 5."}])
    found = take(path, "eval", 4, splits={"eval": "train"})
    assert [type(row) for row in found].count(Question) == 3
    assert [r.reason for r in found if isinstance(r, Reject)] == ["no_gold"]
    assert "task.eval.count: gsm8k has 3 usable questions of 4" in caplog.text


def test_a_bad_row_is_rejected_in_one_split_only(tmp_path: Path) -> None:
    bad = [{"question": f"No mark {i}?", "answer": "It is 5."} for i in range(30)]
    path = write(tmp_path / "all.jsonl", rows(30) + bad)
    rejects: list[str] = []
    for split in ("sft", "rl", "eval"):
        source = Gsm8k({"path": path}).questions(split, SplitConfig(["-"], 999), 0)
        with pytest.raises(ValueError, match="999 are wanted"):
            rejects.extend(r.id for r in source if isinstance(r, Reject))
    assert len(rejects) == len(set(rejects)) == 30


TWO = [("What is 1+1?", "2"), ("What is 2+1?", "3")]
DIGITS = "12345678901234567890123"
TWO_LINES = "".join(json.dumps({"question": q, "answer": f"#### {a}"}) + "\n" for q, a in TWO)


@pytest.mark.parametrize(
    ("task", "name", "content", "wanted"),
    [
        ("gsm8k", "a[1].jsonl", TWO_LINES, TWO),
        ("gsm8k", "q*.jsonl", TWO_LINES, TWO),
        ("gsm8k", "q?x.jsonl", TWO_LINES, TWO),
        ("gsm8k", "upper.JSONL", TWO_LINES, TWO),
        ("gsm8k", "mark.jsonl", "\ufeff" + TWO_LINES.replace("\n", "\r\n"), TWO),
        ("gsm8k", "wrapped.json", f'{{"data": [{",".join(TWO_LINES.splitlines())}]}}', TWO),
        ("gsm8k", "extra.jsonl", TWO_LINES.replace('"}', '", "m": {"a": 1}}', 1).replace('3"}', '3", "m": "-"}'), TWO),
        ("gsm8k", "na.csv", "\ufeffquestion,answer\nNA,#### 8\nnull,#### 9\n", [("NA", "8"), ("null", "9")]),
        ("gsm8k", "date.jsonl", '{"question": "2021-01-01", "answer": "#### 5"}', [("2021-01-01", "5")]),
        ("math500", "big.jsonl", '{"problem": "p", "answer": 12345678901234567890123}', [("p", DIGITS)]),
        ("math500", "date.jsonl", '{"problem": "p", "answer": "2021-01-01"}', [("p", "2021-01-01")]),
        ("math500", "float.jsonl", '{"problem": "p", "answer": 0.1}', [("p", "0.1")]),
        ("math500", "tiny.jsonl", '{"problem": "p", "answer": 1e-07}', [("p", "0.0000001")]),
        ("math500", "huge.jsonl", '{"problem": "p", "answer": 1e23}', [("p", "1" + "0" * 23)]),
        ("math500", "long.jsonl", '{"problem": "p", "answer": 12345678901234567.5}', [("p", "12345678901234567.5")]),
    ],
)  # fmt: skip
def test_golds_are_as_the_file_has_them(
    tmp_path: Path, task: str, name: str, content: str, wanted: list[tuple[str, str]]
) -> None:
    (tmp_path / "a1.jsonl").write_text('{"question": "Another file?", "answer": "#### 0"}')
    (tmp_path / name).write_bytes(content.encode())
    source = build(task, {"path": str(tmp_path / name), "splits": {"eval": "train"}})
    found = list(source.questions("eval", SplitConfig(["-"], len(wanted)), 0))
    assert sorted((q.text, q.answer) for q in found if isinstance(q, Question)) == wanted
    assert len(found) == len(wanted)


def test_words_for_nothing_are_options_like_others(tmp_path: Path) -> None:
    path = tmp_path / "gpqa.csv"
    header = "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3"
    path.write_text(f"{header}\nHow many?,None,NA,null,3.10\n")
    (question,) = build("gpqa", {"path": str(path)}).questions("eval", SplitConfig(["-"], 1), 0)
    gold = json.loads(question.gold)
    assert sorted(gold["options"]) == ["3.10", "NA", "None", "null"]
    assert gold["options"]["ABCD".index(gold["letter"])] == "None"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jsonl", b"", r"empty\.jsonl: no rows, the file is empty$"),
        ("u.jsonl", TWO_LINES.encode("utf-16"), r"u\.jsonl: the text is UTF-16; save it as UTF-8$"),
        ("s.csv", b"question;answer\na;b\n", r"its one column is 'question;answer': .* commas, not by ';'$"),
        ("c.csv", b"q,answer\na,b\n", r"the first: bad_row: no text in column question: the columns are q, answer$"),
        ("b.jsonl", b'{"question": true, "answer": "x"}', r"bad_row: no text in column question: question holds True$"),
        ("t.jsonl", TWO_LINES.encode() + b'{"que', r"\(1 rows rejected\).*the first: unreadable: line 3: Unterminated"),
        ("x.jsonl.gz", b"\x1f\x8b", r"does not end in \.parquet, .*; unpack or convert it first$"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        take(str(tmp_path / name), "eval", 9, splits={"eval": "train"})


def test_a_folders_files_serve_the_splits_that_their_names_say(tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    write(tmp_path / "main" / "train-00000-of-00001.parquet", rows(3))
    write(tmp_path / "main" / "test-00000-of-00001.parquet", rows(2, 10))
    write(tmp_path / "main" / "._test.jsonl", rows(9, 100))
    for options in ({}, {"subset": "main"}):
        found = take(str(tmp_path), "eval", 2, **options)
        assert sorted(q.answer for q in found if isinstance(q, Question)) == ["10", "11"]
    write(tmp_path / "main" / "more.jsonl", rows(1))
    with pytest.raises(ValueError, match=r"more\.jsonl: its name says no split, as others beside it do"):
        take(str(tmp_path), "eval", 2)


def test_the_home_folder_may_be_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "x.jsonl", rows(1))
    assert len(take("~/x.jsonl", "eval", 1, splits={"eval": "train"})) == 1


def test_text_is_read_from_the_first_column_that_has_it() -> None:
    assert text_of({"a": "", "b": " x "}, "a", "b") == "x"
    assert text_of({"a": 27.0}, "a") == "27"
    assert text_of({"a": 2.5}, "a") == "2.5"
    assert text_of({"a": 7}, "a") == "7"
    for row in ({}, {"a": None}, {"a": True}, {"a": ["x"]}, {"a": " "}, {"a": float("nan")}):
        with pytest.raises(BadRow) as caught:
            text_of(row, "a")
        assert caught.value.reason is RejectReason.BAD_ROW


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("1,234", Reason.CORRECT),
        ("$1234.00", Reason.CORRECT),
        ("1235", Reason.WRONG_VALUE),
        ("many", Reason.BAD_SYNTAX),
    ],
)
def test_gsm8k_judges_by_value(answer: str, reason: Reason) -> None:
    assert Gsm8k.judge({"number": "1234"}, answer).reason is reason


@pytest.mark.parametrize("gold", [{}, {"number": 5}, {"number": "five"}, {"number": ""}])
def test_gsm8k_names_bad_golds(gold: dict) -> None:
    assert Gsm8k.gold_problem(gold) is not None
