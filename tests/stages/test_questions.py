"""Which settings decide what is in a split."""

from __future__ import annotations

from pathlib import Path

from sfray.compose import load
from sfray.config.settings import QuestionSettings
from sfray.io.userfiles import content_digest
from sfray.stages.questions import MakeQuestions, data_digests


def test_a_split_does_not_depend_on_the_others() -> None:
    config = load()
    settings = QuestionSettings(config.run, config.task)
    whole, part = MakeQuestions().identity(settings), MakeQuestions().identity(settings, "rl")
    assert set(whole["task"]) - set(part["task"]) == {"sft", "eval"}
    assert part["task"]["rl"] == whole["task"]["rl"]


def test_local_data_is_found_at_any_depth(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("{}")
    options = {"parts": [{"options": {"path": str(file)}}, {"path": {"train": str(file)}}], "path": "some/hub"}
    assert data_digests(options) == {str(file): content_digest(file)}
