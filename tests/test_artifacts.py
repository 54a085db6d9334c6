"""What each kind of artifact knows of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfray.artifacts import Attempts, Model, Quality, Questions, Results
from sfray.io.arrow import to_table
from sfray.io.files import write_json
from sfray.io.parquet import write_table
from sfray.records import Reject
from sfray.store.artifact import Artifact


def test_questions_are_a_file_and_its_row_groups(tmp_path: Path) -> None:
    rows = [Reject(id=str(i), reason="row") for i in range(5)]
    write_table(tmp_path / "rl.parquet", to_table(Reject, rows), row_group_size=2)
    questions = Questions(tmp_path, "rl")
    assert questions.file == tmp_path / "rl.parquet"
    assert questions.shards == 3


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path)
    for number in (100_000, 7, 99_999):
        attempts.shard(number).touch()
    assert [p.name for p in attempts.files] == ["part-00007.parquet", "part-99999.parquet", "part-100000.parquet"]


def test_a_model_is_its_own_folder_or_the_one_it_names(tmp_path: Path) -> None:
    named = Artifact(tmp_path / "base", "pretrained", {}, {})
    named.open()
    named.commit({}, {"path": "tiny"})
    assert Model(named.path).source == "tiny"
    (tmp_path / "sft" / "model").mkdir(parents=True)
    assert Model(tmp_path / "sft").source == str(tmp_path / "sft" / "model")
    with pytest.raises(FileNotFoundError):
        _ = Model(tmp_path / "nothing").source


@pytest.mark.parametrize(("kind", "name"), [(Quality, "quality.json"), (Results, "results.json")])
def test_figures_are_read(tmp_path: Path, kind: type, name: str) -> None:
    write_json(tmp_path / name, {"schema": 1})
    assert kind(tmp_path).figures == {"schema": 1}
