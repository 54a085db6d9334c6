import json

from sfray.training.grpo import metrics

STEP = {
    "critic/score/mean": 0.25,
    "response_length/mean": 60.5,
    "response_length/clip_ratio": 0.125,
    "actor/entropy": 1.5,
    "actor/grad_norm": 0.75,
    "training/rollout_probs_diff_max": 3e-7,
    "training/rollout_probs_diff_mean": 1e-8,
    "sfray/padded": 0.25,
    "sfray/idle": 0.5,
    "timing_s/step": 12.5,
    "perf/total_num_tokens": 7213,
    "val-core/countdown/acc/mean@1": 0.5,
    "val-core/multiplication/acc/mean@1": 0.25,
    "val-core/countdown/acc/best@4/mean": 0.9,
    "critic/score/max": 1.0,
}


def line(step, **data):
    return json.dumps({"step": step, "data": data}) + "\n"


def launch(folder, resumed, at, text):
    path = folder / "steps" / f"{resumed:06d}-{at}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_record_names_what_verl_logged():
    assert metrics.record(json.dumps({"step": 3, "data": STEP})) == {
        "step": 3,
        "reward": 0.25,
        "response_length": 60.5,
        "truncated": 0.125,
        "entropy": 1.5,
        "grad_norm": 0.75,
        "rollout_difference": 3e-7,
        "rollout_difference_mean": 1e-8,
        "padded": 0.25,
        "idle": 0.5,
        "tokens": 7213,
        "seconds": 12.5,
        "validation_accuracy": 0.375,
    }


def test_a_resumed_launch_overrides_the_repeated_steps(tmp_path):
    key = "critic/score/mean"
    launch(tmp_path, 0, 1000, line(1, **{key: 0.1}) + line(2, **{key: 0.2}) + line(3, **{key: 0.3}))
    launch(tmp_path, 2, 2000, line(3, **{key: 0.33}) + line(4, **{key: 0.4}))
    assert metrics.read(tmp_path) == [
        {"step": 1, "reward": 0.1},
        {"step": 2, "reward": 0.2},
        {"step": 3, "reward": 0.33},
        {"step": 4, "reward": 0.4},
    ]


def test_launches_are_ordered_by_time_not_by_step(tmp_path):
    key = "critic/score/mean"
    launch(tmp_path, 4, 1000, line(5, **{key: 0.1}))
    launch(tmp_path, 0, 2000, line(1, **{key: 0.2}))
    assert metrics.read(tmp_path) == [{"step": 1, "reward": 0.2}]


def test_a_half_written_line_is_passed_over(tmp_path):
    launch(tmp_path, 0, 1000, line(1, **{"critic/score/mean": 0.5}) + '{"step":2,"da')
    assert metrics.read(tmp_path) == [{"step": 1, "reward": 0.5}]


def test_validation_before_training_is_not_a_step(tmp_path):
    launch(tmp_path, 0, 1000, line(0, **{"val-core/countdown/acc/mean@1": 0.5}))
    assert metrics.read(tmp_path) == []
    assert metrics.validation_before(tmp_path) == 0.5


def test_without_validation_before_training_there_is_none(tmp_path):
    assert metrics.validation_before(tmp_path) is None
    launch(tmp_path, 0, 1000, line(2, **{"val-core/countdown/acc/mean@1": 0.5}))
    assert metrics.validation_before(tmp_path) is None


def test_write_makes_one_line_per_step(tmp_path):
    metrics.write(tmp_path, [{"step": 1, "reward": 0.5}, {"step": 2, "reward": 1.0}])
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1, "reward": 0.5}\n{"step": 2, "reward": 1.0}\n'
    assert metrics.new_file(tmp_path, 7).name.startswith("000007-")


def test_only_a_step_that_was_resumed_from_may_lack_its_record(tmp_path):
    launch(tmp_path, 0, 1000, line(1, **{"critic/score/mean": 0.5}))
    launch(tmp_path, 2, 2000, line(3, **{"critic/score/mean": 0.5}))
    rows = metrics.read(tmp_path)
    assert [row["step"] for row in rows] == [1, 3]
    assert metrics.unrecorded(tmp_path, rows, 3) == []
    assert metrics.unrecorded(tmp_path, rows, 4) == [4]
    assert metrics.unrecorded(tmp_path, rows[1:], 3) == [1]
