"""A journal loses no answer that it has returned from, and no torn line stops a reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.sampling.journal import Journal

ANSWERS = st.lists(st.fixed_dictionaries({"id": st.text(max_size=5), "text": st.text(max_size=9)}), max_size=5)


@given(ANSWERS)
def test_what_was_added_is_read(tmp_path_factory, answers):
    journal = Journal(tmp_path_factory.mktemp("j") / "asked" / "00000.jsonl")
    for answer in answers:
        journal.add(answer)
    assert journal.read() == {a["id"]: a for a in answers}


def test_there_is_nothing_in_a_journal_that_is_not_there(tmp_path: Path):
    assert Journal(tmp_path / "none.jsonl").read() == {}


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_line_that_a_dying_writer_left_unfinished_is_dropped(tmp_path: Path, cut: int):
    journal = Journal(tmp_path / "j.jsonl")
    journal.add({"id": "a", "text": "1"})
    journal.add({"id": "b", "text": "é\u2028"})
    data = journal.path.read_bytes()
    journal.path.write_bytes(data[:-cut])
    assert journal.read() == {"a": {"id": "a", "text": "1"}}
    journal.add({"id": "b", "text": "3"})
    assert [a["text"] for a in journal.read().values()] == ["1", "3"]


@pytest.mark.parametrize("line", ['{"text": "x"}', "[1]", "no json"])
def test_another_line_is_an_error(tmp_path: Path, line: str):
    path = tmp_path / "j.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(ValueError, match=r"j\.jsonl, line 1: no answer of a journal"):
        Journal(path).read()
