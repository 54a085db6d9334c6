"""Rows, order and shares: exact, and independent of layout."""

import runpy
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray import models
from sfray.io.arrow import to_table
from sfray.records import Trace
from sfray.training.sft import data
from sfray.training.sft.data import Plan, Rows, share

driver = runpy.run_path(str(Path(__file__).with_name("driver.py")))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    driver["write_model"](folder)
    return models.load_tokenizer(folder)


def _trace(name: str, text: str) -> Trace:
    return Trace(
        id=name,
        question_id="q",
        recipe="algorithm1",
        prompt="hi",
        text=text,
        answer="1",
        attempts=["a"],
        reflections=["r"],
        n_correct=1,
        n_incorrect=0,
        tokens=0,
    )


def _parts(folder: Path, *parts: list[Trace]) -> list[Path]:
    paths = [folder / f"part-{i:05d}.parquet" for i in range(len(parts))]
    for path, rows in zip(paths, parts, strict=True):
        pq.write_table(to_table(Trace, rows), path)
    return paths


def test_tokens_are_prompt_response_and_end(tokenizer):
    ids, prompt_tokens = data.tokenise(tokenizer, _trace("t", "<think>ok"))
    assert tokenizer.decode(ids[:prompt_tokens]) == "[user]hi<|end|>[assistant]"
    assert tokenizer.decode(ids[prompt_tokens:]) == "<think>ok<|end|>"
    assert ids[-1] == tokenizer.eos_token_id


def test_rows_read_back(tmp_path, tokenizer):
    texts = ["one", "a longer one", "x" * 100]
    parts = _parts(tmp_path, [_trace("a", texts[0])], [], [_trace("b", texts[1]), _trace("c", texts[2])])
    rejects = data.write(parts, tmp_path / "data.parquet", tokenizer, 60)
    assert [(r.id, r.reason, r.detail) for r in rejects] == [("c", "too_long", "121 tokens, sft.max_length is 60")]
    rows = Rows(tmp_path / "data.parquet")
    assert rows.ids == ("a", "b")
    assert len(rows) == 2
    for row, text in enumerate(texts[:2]):
        assert tokenizer.decode(rows.tokens(row)[rows.prompt_tokens[row] :]) == text + "<|end|>"
        assert rows.lengths[row] == len(rows.tokens(row))


def test_a_control_token_in_a_trace_is_a_reject_and_no_end_of_turn(tmp_path, tokenizer):
    parts = _parts(tmp_path, [_trace("a", "one"), _trace("b", f"one{tokenizer.eos_token}two")])
    rejects = data.write(parts, tmp_path / "data.parquet", tokenizer, 60)
    assert [(r.id, r.reason, r.detail) for r in rejects] == [("b", "control_token", "<|end|> in the text")]
    assert Rows(tmp_path / "data.parquet").ids == ("a",)


def test_a_row_of_exactly_the_limit_is_kept(tmp_path, tokenizer):
    parts = _parts(tmp_path, [_trace("a", "x" * 39)])
    assert data.write(parts, tmp_path / "data.parquet", tokenizer, 60) == []
    assert Rows(tmp_path / "data.parquet").lengths.tolist() == [60]


def test_no_rows(tmp_path, tokenizer):
    data.write(_parts(tmp_path, []), tmp_path / "data.parquet", tokenizer, 60)
    assert len(Rows(tmp_path / "data.parquet")) == 0


def test_foreign_columns_are_refused(tmp_path, tokenizer):
    path = tmp_path / "part-00000.parquet"
    pq.write_table(pa.table({"id": ["a"]}), path)
    with pytest.raises(ValueError, match="not a table of Trace"):
        data.write([path], tmp_path / "data.parquet", tokenizer, 60)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 3), st.integers(0, 5))
def test_each_epoch_sees_each_row_once(rows, batch, epochs, seed):
    plan = Plan(tuple(f"t{i}" for i in range(rows)), batch, epochs, 0, seed)
    assert plan.steps == epochs * -(-rows // batch)
    for epoch in range(epochs):
        seen = [r for s in range(plan.per_epoch) for r in plan.rows(epoch * plan.per_epoch + s)]
        assert sorted(seen) == list(range(rows))


def test_order_follows_ids_not_layout():
    ids = tuple(f"t{i}" for i in range(10))
    plan, mirrored = Plan(ids, 4, 2, 0, 0), Plan(ids[::-1], 4, 2, 0, 0)
    for step in range(plan.steps):
        assert [plan.ids[r] for r in plan.rows(step)] == [mirrored.ids[r] for r in mirrored.rows(step)]
    assert plan.rows(0) != plan.rows(plan.per_epoch)
    assert plan.rows(0) != Plan(ids, 4, 2, 0, 1).rows(0)


def test_order_is_pinned():
    assert Plan(("a", "b", "c", "d", "e"), 5, 1, 0, 0).rows(0) == [1, 2, 4, 0, 3]


def test_max_steps_only_shortens():
    ids = ("a", "b", "c")
    assert Plan(ids, 1, 2, 4, 0).steps == 4
    assert Plan(ids, 1, 2, 40, 0).steps == 6


def test_rows_of_like_length_go_together():
    lengths = [10, 80, 20, 70, 30, 60, 40, 50]
    first = share(range(8), lengths, micro=2, count=2, rank=0, world=2)
    second = share(range(8), lengths, micro=2, count=2, rank=1, world=2)
    assert first == [[1, 5], [6, 2]]
    assert second == [[3, 7], [4, 0]]


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.data())
def test_shares_hold_each_row_once(world, micro, count, data):
    lengths = data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=world * micro * count))
    shares = [share(range(len(lengths)), lengths, micro, count, rank, world) for rank in range(world)]
    assert Counter(r for s in shares for batch in s for r in batch) == Counter(range(len(lengths)))
    assert all(len(s) == count and all(len(batch) <= micro for batch in s) for s in shares)
