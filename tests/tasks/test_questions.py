"""Every split, its row groups, its rejects, and no question twice."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sfray.config.validation import parse
from sfray.io.arrow import from_table, schema
from sfray.records import Question, Reject
from sfray.store.artifact import Artifact
from sfray.tasks import questions


def stage(tmp_path: Path) -> Artifact:
    made = Artifact(tmp_path / "questions", "questions", {}, {})
    made.open()
    return made


def config(raw: dict, task: dict, shard: int = 4):
    return parse(raw | {"run": {"shard_questions": shard}, "task": task})


def test_each_split_is_a_file_of_row_groups(raw: dict, tmp_path: Path) -> None:
    counts = {"sft": 10, "rl": 256, "eval": 6}
    task = {"name": "countdown"} | {s: {"levels": ["3", "4"], "count": n} for s, n in counts.items()}
    done = stage(tmp_path)
    questions.write(config(raw, task), done)
    for split, count in counts.items():
        file = pq.ParquetFile(done.path / f"{split}.parquet")
        assert file.schema_arrow.equals(schema(Question))
        rows = from_table(Question, file.read())
        assert [r.split for r in rows] == [split] * count
    groups = pq.ParquetFile(done.path / "sft.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [4, 4, 2]
    assert done.manifest.counts == counts
    assert done.manifest.rejects == {}


def test_rejects_are_kept_with_their_reason(raw: dict, tmp_path: Path) -> None:
    rows = [{"question": f"How many is {i}?", "answer": f"#### {i}" if i % 2 else "none"} for i in range(40)]
    path = tmp_path / "gsm8k.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    options = {"path": str(path), "splits": {"eval": "train"}}
    task = {"name": "gsm8k", "options": options} | {s: {"levels": ["-"], "count": 0} for s in ("sft", "rl")}
    done = stage(tmp_path)
    questions.write(config(raw, task | {"eval": {"levels": ["-"], "count": 20}}), done)
    assert done.manifest.counts == {"sft": 0, "rl": 0, "eval": 20}
    rejects = from_table(Reject, pq.read_table(done.path / "rejects.parquet"))
    assert done.manifest.rejects == {"no_gold": len(rejects)}
    assert 10 <= len(rejects) <= 20


def test_rejects_are_kept_also_when_the_stage_fails(raw: dict, tmp_path: Path) -> None:
    path = tmp_path / "gsm8k.jsonl"
    path.write_text('{"question": "1+1?", "answer": "two"}\n{"question": "1+2?", "answer": "#### 3"}\n{"question": ')
    options = {"path": str(path), "splits": {"eval": "train"}}
    task = {"name": "gsm8k", "options": options} | {s: {"levels": ["-"], "count": 0} for s in ("sft", "rl")}
    failed = stage(tmp_path)
    message = r"\(2 rows rejected\), 9 are wanted; the first: .*; every rejected row: .*/questions/rejects\.parquet$"
    with pytest.raises(ValueError, match=message):
        questions.write(config(raw, task | {"eval": {"levels": ["-"], "count": 9}}), failed)
    rejects = from_table(Reject, pq.read_table(failed.path / "rejects.parquet"))
    assert {(r.reason, r.detail[:35]) for r in rejects} == {
        ("no_gold", "answer has no '#### NUMBER': two"),
        ("unreadable", "line 3: Expecting value (column 14)"),
    }
    assert not failed.done


def test_a_task_that_shares_a_question_is_refused(raw: dict, tmp_path: Path, monkeypatch) -> None:
    same = [
        Question(id=f"t:{i}", task="countdown", level="3", split="sft", text="Same?", gold="{}", answer="1")
        for i in range(2)
    ]
    monkeypatch.setattr("sfray.tasks.countdown.Countdown.questions", lambda self, split, config, seed: iter(same))
    task = {s: {"levels": ["3"], "count": 2 if s != "rl" else 256} for s in ("sft", "rl", "eval")}
    with pytest.raises(ValueError, match="is also in another split"):
        questions.write(config(raw, task), stage(tmp_path))
