"""Rows from files, folders and broken lines."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sfray.interchange.source import Unreadable, digest, rows

ROWS = [{"question": "a", "n": 1}, {"question": "b", "n": 2}]


def test_parquet_reads_the_wanted_columns_only(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "x.parquet")
    got = list(rows(str(tmp_path / "x.parquet"), ["question", "absent"]))
    assert got == [("x.parquet:1", {"question": "a"}), ("x.parquet:2", {"question": "b"})]


def test_jsonl_keeps_going_after_broken_lines(tmp_path: Path) -> None:
    lines = [json.dumps(ROWS[0]), '{"question": "tor', "", "[1]", json.dumps(ROWS[1])]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    got = list(rows(str(tmp_path / "x.jsonl"), []))
    assert [where for where, _ in got] == ["x.jsonl:1", "x.jsonl:2", "x.jsonl:3", "x.jsonl:4"]
    assert [r for _, r in got if not isinstance(r, Unreadable)] == ROWS
    torn, listed = got[1][1], got[2][1]
    assert isinstance(torn, Unreadable)
    assert torn.detail.endswith(': {"question": "tor')
    assert listed == Unreadable("not an object: [1]")


@pytest.mark.parametrize("content", [json.dumps(ROWS), "\n".join(map(json.dumps, ROWS))])
def test_json_holds_an_array_or_lines(content: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    assert [r for _, r in rows(str(tmp_path / "x.json"), [])] == ROWS


def test_marks_and_blanks_before_the_content_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("\ufeff\n [" + json.dumps(ROWS[0]) + "]")
    (tmp_path / "b.jsonl").write_text("\ufeff" + json.dumps(ROWS[1]))
    assert [r for _, r in rows(str(tmp_path), [])] == ROWS


def test_what_is_nested_too_deeply_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("[" * 200_000 + "\n" + json.dumps(ROWS[0]))
    (_, bad), (_, good) = rows(str(tmp_path / "x.jsonl"), [])
    assert isinstance(bad, Unreadable)
    assert good == ROWS[0]


@pytest.mark.parametrize(("name", "content"), [("x.json", "[{"), ("x.parquet", ""), ("x.parquet", "PAR1")])
def test_a_torn_file_is_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=name):
        list(rows(str(tmp_path / name), []))


def test_a_missing_file_is_not_taken_for_a_data_set_of_the_hub() -> None:
    for source in ("missing.jsonl", "./missing", "a/b/c", "/nowhere"):
        with pytest.raises(ValueError, match=r"no such file or folder$"):
            list(rows(source, []))


def test_a_folder_is_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.jsonl").write_text(json.dumps(ROWS[1]))
    (tmp_path / "a.jsonl").write_text(json.dumps(ROWS[0]))
    (tmp_path / "README.md").write_text("no data")
    assert [r for _, r in rows(str(tmp_path), [])] == ROWS


def test_no_data_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b")
    for path in (tmp_path, tmp_path / "x.csv"):
        with pytest.raises(ValueError, match=r"no file that ends in \.parquet, \.jsonl, \.ndjson, \.json$"):
            list(rows(str(path), []))


def test_digest_is_of_the_content(tmp_path: Path) -> None:
    for name, content in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jsonl").write_text(content)
    assert digest(str(tmp_path / "a")) == digest(str(tmp_path / "b"))
    assert digest(str(tmp_path / "a")) != digest(str(tmp_path / "c"))
    assert digest("some/name-of-the-hub") is None
