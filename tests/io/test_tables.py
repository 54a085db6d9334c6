"""Rows of data files: value for value as written, or refused with one sentence."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.io.tables import Unreadable, data_files, parse_json, rows, table

QA = {"question": "What is 1+1?", "answer": "2"}
LINE = json.dumps(QA)


def put(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("big.jsonl", '{"a": 12345678901234567890123}', [{"a": 12345678901234567890123}]),
        ("date.jsonl", '{"a": "2021-01-01"}', [{"a": "2021-01-01"}]),
        ("bool.jsonl", '{"a": true}\n{"a": 0.1}', [{"a": True}, {"a": 0.1}]),
        ("long.jsonl", '{"a": 0.12345678901234567890}', [{"a": Decimal("0.12345678901234567890")}]),
        ("mixed.jsonl", '{"a": 2}\n{"a": "x", "m": {"b": 1}}', [{"a": 2}, {"a": "x", "m": {"b": 1}}]),
        ("null.jsonl", '{"a": null}', [{"a": None}]),
        ("bom.jsonl", b"\xef\xbb\xbf" + LINE.encode() + b"\r\n\r\n" + LINE.encode() + b"\r\n", [QA, QA]),
        ("upper.JSONL", LINE, [QA]),
        ("q*[1]?.jsonl", LINE, [QA]),
        ("array.json", f"\ufeff\n[{LINE}]", [QA]),
        ("wrapped.json", f'{{"data": [{LINE}]}}', [QA]),
        ("wrapped2.json", f'{{\n"data": [\n{LINE}]}}', [QA]),
        ("none.json", '{"data": []}', []),
        ("lines.json", f"{LINE}\n{LINE}\n", [QA, QA]),
        ("one.json", json.dumps(QA, indent=1), [QA]),
        ("none.csv", "a,b,c,d\nNone,NA,null,3.10\n,N/A,nan,007\n", [
            {"a": "None", "b": "NA", "c": "null", "d": "3.10"}, {"a": "", "b": "N/A", "c": "nan", "d": "007"},
        ]),
        ("bom.csv", b'\xef\xbb\xbfa,b\r\n"x, ""y""\nz",2\r\n', [{"a": 'x, "y"\nz', "b": "2"}]),
        ("empty.jsonl", "", []),
        ("empty.json", "", []),
        ("empty.csv", "", []),
    ],
)  # fmt: skip
def test_nothing_is_changed(tmp_path: Path, name: str, content: str | bytes, wanted: list[Any]) -> None:
    file = put(tmp_path, name, content)
    assert list(rows(file)) == wanted
    read = table(file)
    assert [read[i] for i in range(len(read))] == wanted


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("u.jsonl", LINE.encode("utf-16"), "u.jsonl: the text is UTF-16; save it as UTF-8"),
        ("s.csv", "question;answer\na;b\n", "s.csv: its one column is 'question;answer': separate cells by commas"),
        ("d.csv", "a,b,a\n1,2,3\n", "d.csv: a column appears twice in a, b, a"),
        ("q.csv", 'a,b\n"x,2\n', "q.csv: line 2: unexpected end of data"),
        ("l.csv", b"a,b\n\xe9,2\n", "l.csv: not UTF-8 after line 0: invalid continuation byte"),
        ("t.json", f"[{LINE},\n{{", "t.json: line 2: Expecting property name"),
        ("n.json", "5", "n.json: a list of objects is needed, got 5"),
        ("p.parquet", "PAR1", "p.parquet: not a whole Parquet file: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    file = put(tmp_path, name, content)
    for read in (table, lambda f: list(rows(f))):
        with pytest.raises(ValueError, match=r"^/.*: .+") as caught:
            read(file)
        assert str(caught.value).startswith(f"{tmp_path}/{message}")


@pytest.mark.parametrize(
    ("name", "content", "detail"),
    [
        ("t.jsonl", f'{LINE}\n\n{{"question": "tor', "line 3: Unterminated string starting at (column 14)"),
        ("l.jsonl", LINE.encode() + b'\n{"question": "\xe9"}\n', "line 2 is not UTF-8: invalid continuation byte"),
        ("k.jsonl", f'{LINE}\n{{"a": 1, "a": 2}}', "line 2: key 'a' appears twice in an object"),
        ("e.jsonl", f'{LINE}\n{{"a": 1e99999999999999999999}}', "line 2: the number 1e9999"),
        ("c.csv", "question,answer\nWhat is 1+1?,2\na,b,c\n", "line 3: 3 cells for 2 columns"),
    ],
)
def test_one_bad_row_does_not_cost_the_others(tmp_path: Path, name: str, content: str | bytes, detail: str) -> None:
    good, bad = table(put(tmp_path, name, content))
    assert good == QA
    assert isinstance(bad, Unreadable)
    assert bad.detail.startswith(detail)


def test_nested_parquet_by_row_and_by_column(tmp_path: Path) -> None:
    data = [{"q": f"{i}", "c": {"label": ["A", "B"], "n": [i]}, "x": None} for i in range(3_000)]
    pq.write_table(pa.Table.from_pylist(data), tmp_path / "x.parquet")
    read = table(tmp_path / "x.parquet")
    assert (len(read), read[0], read[2_999], read[1:3]) == (3_000, data[0], data[2_999], data[1:3])
    assert list(rows(tmp_path / "x.parquet", ["q", "absent"])) == [{"q": row["q"]} for row in data]
    with pytest.raises(IndexError):
        read[3_000]
    pq.write_table(pa.Table.from_pylist([], schema=pa.schema([("q", pa.string())])), tmp_path / "x.parquet")
    assert len(table(tmp_path / "x.parquet")) == 0


def test_hidden_files_are_no_data(tmp_path: Path) -> None:
    (tmp_path / ".ipynb_checkpoints").mkdir()
    for name in ("data.JSONL", "._data.jsonl", ".ipynb_checkpoints/data.jsonl", "notes.md"):
        put(tmp_path, name, LINE)
    assert data_files(tmp_path) == [tmp_path / "data.JSONL"]
    with pytest.raises(ValueError, match=r"data\.jsonl\.gz: no file that ends in \.parquet, "):
        data_files(put(tmp_path, "data.jsonl.gz", b"\x1f\x8b"))


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_number_written(number: Decimal) -> None:
    written = str(number)
    read = parse_json(f"[{written}]")[0]
    assert Decimal(repr(read) if isinstance(read, float) else read) == number
