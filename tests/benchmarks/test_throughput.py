import json

import pytest

from benchmarks.quickstart import figures
from benchmarks.throughput import fitted, grpo_rows, sampling_row, sft_row, validation_rate
from sfray.store.manifest import Manifest
from sfray.store.profile import Part, Profile
from tests.costs.test_plan import LENGTHS


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


def test_runs_without_validation_say_nothing_of_its_rate():
    def made(rollouts):
        counts = {"tokens": 100 * rollouts, "rollouts": rollouts}
        return Manifest("grpo", "f", {"grpo": {"ranks_per_node": 2}}, {}, counts=counts)

    # 10 questions x 100 tokens, of two ranks
    assert validation_rate([(3.0, made(4)), (0.0, made(4)), (5.0, made(8))], 10) == 0.008
    with pytest.raises(ValueError, match=r"grpo\.test_every"):
        validation_rate([(0.0, made(4))], 10)


def test_an_evaluation_starts_engines_or_goes_on_with_those_of_the_one_before(tmp_path):
    for shard in range(4):
        (tmp_path / f"part-{shard:05d}.parquet").touch()
    counts = {"rows": 40, "tokens": 8000}
    first = Manifest("evaluate", "f", {}, {}, counts=counts, timings={"ray": 2.0, "imports": 8.0, "engine": 2.0})
    second = Manifest("evaluate", "g", {}, {}, counts=counts, timings={"workers": 0.6, "imports": 0.0, "engine": 0.8})
    old = Manifest("evaluate", "h", {}, {}, counts=counts)
    work = [4000, 4000 * 150, 400]  # of one of two engines: tokens, context, steps of a batch of ten
    assert sampling_row(tmp_path, first, LENGTHS) == [1, 0, *work]
    assert sampling_row(tmp_path, second, LENGTHS) == [0, 1, *work]
    assert sampling_row(tmp_path, old, LENGTHS) == [1, 0, *work]


def test_the_share_of_work_is_given_only_where_it_is_known():
    parts = (Part("a", "ray", 0.0, 1.0), Part("a", "work", 1.0, 3.0))
    assert figures(Profile(parts)) == {
        "wall_seconds": 4.0,
        "ray_seconds": 1.0,
        "work_seconds": 3.0,
        "work_share": pytest.approx(0.75),
    }
    assert "work_share" not in figures(Profile((*parts, Part("b", "unsplit", 4.0, 1.0))))
