"""The record of a training run, after a crash."""

import json

from sfray.io.files import append
from sfray.training.sft.loop import _forget, read_metrics


def _lines(*steps: int) -> str:
    return "".join(json.dumps({"step": s, "loss": s / 2}) + "\n" for s in steps)


def test_no_file_yet(tmp_path):
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_a_torn_line_is_no_record(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(_lines(1, 2) + '{"step": 3, "lo')
    assert [line["step"] for line in read_metrics(path)] == [1, 2]
    path.write_text('{"step"')
    assert read_metrics(path) == []


def test_steps_after_the_checkpoint_are_forgotten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(_lines(1, 2, 3) + '{"step": 4')
    _forget(path, done=2)
    append(path, _lines(3, 4).encode())
    assert path.read_text() == _lines(1, 2, 3, 4)
