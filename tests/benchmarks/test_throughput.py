import json

import pytest

from benchmarks.quickstart import figures
from benchmarks.throughput import fitted, grpo_rows, sft_row
from sfray.store.manifest import Manifest
from sfray.store.profile import Part, Profile


def test_coefficients_are_found_again_and_are_not_negative():
    rows = [[1, 10], [1, 100], [1, 1000]]
    assert fitted(rows, [7.0, 25.0, 205.0]) == [5.0, 0.2]
    assert min(fitted(rows, [10.0, 9.0, 8.0])) == 0.0


def test_a_training_step_is_its_start_its_tokens_and_their_length(tmp_path):
    sft = Manifest("sft", "f", {"sft": {"epochs": 2}}, {}, counts={"tokens": 600, "traces": 3})
    assert sft_row(sft) == [1, 600, 600 * 100]
    lines = [{"seconds": 10.0, "tokens": 80}, {"seconds": 4.0, "tokens": 60, "seconds_validation": 2.0}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    grpo = Manifest("grpo", "f", {"grpo": {"ranks_per_node": 2}}, {}, seconds=46.0)
    assert grpo_rows(tmp_path, grpo) == ([30.0], [(40.0, 10.0), (30.0, 4.0)], [2.0])


def test_the_share_of_work_is_given_only_where_it_is_known():
    parts = (Part("a", "ray", 0.0, 1.0), Part("a", "work", 1.0, 3.0))
    assert figures(Profile(parts)) == {
        "wall_seconds": 4.0,
        "ray_seconds": 1.0,
        "work_seconds": 3.0,
        "work_share": pytest.approx(0.75),
    }
    assert "work_share" not in figures(Profile((*parts, Part("b", "unsplit", 4.0, 1.0))))
