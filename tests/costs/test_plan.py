import subprocess
import sys
from dataclasses import replace

import pytest

from sfray.compose import load
from sfray.config.validation import ConfigError
from sfray.costs import roofline
from sfray.costs.entry import SHIPPED, keep
from sfray.costs.plan import DRIVER_SECONDS, chosen_entry, plan
from sfray.costs.rates import Lengths
from sfray.costs.step import cost
from sfray.costs.table import count, remarks, size
from sfray.costs.volume import Volume, volumes
from sfray.graph import build
from sfray.store.manifest import Manifest
from tests.costs.test_rates import ENTRY

LENGTHS = Lengths(
    prompt=50,
    attempt=40,
    reflection=60,
    traced=0.5,
    longest=100_000,
    rollout=0.25,
    after_grpo=0.75,
    accuracy=0.25,
    accuracy_trained=0.5,
    traces=0.5,
    trace=300,
)
SMALL = ["experiment=smoke", "task.sft.count=16", "task.rl.count=16", "task.eval.count=8"]
MINE = replace(ENTRY, parameters=1_199_360, lengths=LENGTHS)


def planned(*overrides, done=None, shared=()):
    config = load([*SMALL, *overrides])
    steps = build(config)
    return {s.name: s for s in plan(config, steps, list(steps), MINE, done or {}, shared).steps}


def work(*overrides, done=None):
    return volumes(build(load([*SMALL, *overrides])), LENGTHS, done or {})


def test_each_step_passes_on_what_it_is_expected_to_make():
    found = work(
        "reflect.mode=all",
        "sample.max_tokens=160",
        "reflect.max_tokens=160",
        "evaluate.max_tokens=640",
        "trace.max_tokens=2048",
    )
    # 16 questions x 4 variants x 4 samples
    attempts = found["attempts"]
    assert (attempts.rows, attempts.prompts, attempts.tokens, attempts.tokens_most) == (256, 64, 10_240, 40_960)
    assert found["reflections"].tokens == 256 * 60
    # A quarter of the attempts are right, a trace for every second of those.
    assert (found["traces"].rows, found["traces"].tokens) == (32, 9600)
    assert (found["sft"].rows, found["sft"].steps, found["sft"].tokens) == (32, 4, 9600)
    assert found["grpo"].tokens == 16 * 640 * 0.25
    assert found["grpo"].validation == 8 * 640 * 0.25  # at the last step alone
    assert [found[f"eval_{m}"].tokens for m in ("base", "sft", "grpo")] == [16 * 40, 16 * 320, 16 * 480]
    assert all(v.tokens <= v.tokens_most and v.rows <= v.most for v in found.values())
    assert all(v.known for v in found.values())


@pytest.mark.parametrize(
    ("settings", "times"),
    [
        (["grpo.test_every=null"], 0),
        (["grpo.test_every=null", "grpo.validate_first=true"], 1),
        (["grpo.test_every=1"], 2),
        (["grpo.test_every=1", "grpo.validate_first=true"], 3),
    ],
)
def test_validations_are_counted_as_verl_makes_them(settings, times):
    found = work("evaluate.max_tokens=640", "trace.max_tokens=2048", "grpo.steps=2", *settings)
    assert found["grpo"].validation == times * 8 * 640 * 0.25


def test_lazy_reflections_are_fewer_and_make_the_same_traces():
    every, lazy = work("reflect.mode=all"), work("reflect.mode=lazy")
    asked = lazy["reflections"]
    # 4 of 16 attempts are right; 1.37 wrong ones go with them, and an eighth of the others is measured.
    drawn = [0.0]
    for left in range(1, 5):
        taken = [min(wanted, left) for wanted in range(1, 6)]
        drawn.append(sum((n - 1) / 2 + drawn[left - n] for n in taken) / 5)
    used = (4 + drawn[4]) / 16
    assert asked.rows == pytest.approx(256 * (used + (1 - used) / 8))
    assert (asked.possible, asked.most, asked.tokens) == (256, 256, asked.rows * 60)
    assert asked.tokens_most == every["reflections"].tokens_most
    assert (lazy["traces"].rows, lazy["traces"].most) == (every["traces"].rows, every["traces"].most)
    alone = work("reflect.mode=lazy", "trace.variants=[plain]")
    assert alone["reflections"].rows < asked.rows / 2
    made = Manifest("reflect", "f", {}, {}, counts={"rows": 90, "tokens": 5000, "valid": 60})
    assert work("reflect.mode=lazy", done={"reflections": made})["traces"].rows == every["traces"].rows
    assert work("reflect.mode=lazy", "trace.recipe=each_length")["reflections"].rows == 256


def test_rounds_put_fewer_requests_at_a_time():
    step, volume = build(load(SMALL))["reflections"], Volume(400, 400, 400, 50, 4000, 4000, 4)
    once, rounds = (cost(step, replace(volume, rounds=n), 0, MINE.rates, 1).seconds for n in (1, 4))
    # Two engines share 4,000 tokens, in batches of 100 or of 25.
    assert rounds - once == pytest.approx(2000 * 0.02 * (1 / 25 - 1 / 100))


def test_a_model_trained_on_single_attempts_writes_single_attempts():
    found = work("method=star")
    assert found["attempts_2"].accuracy == 0.5
    assert found["correct_1"].rows == 64
    assert found["correct_2"].rows == 128
    assert [found[f"eval_{m}"].tokens for m in ("base", "sft", "grpo")] == [16 * 40] * 3


def test_a_teachers_endpoint_has_no_figures():
    found = work("method=distillation", "teacher.url=http://localhost:1", "teacher.model=m")
    assert not found["attempts"].known
    assert found["sft"].traced


def test_what_was_counted_is_used_in_place_of_what_is_expected():
    made = Manifest("sample", "f", {}, {}, counts={"rows": 200, "tokens": 5000, "correct": 100})
    found = work("reflect.mode=all", done={"attempts": made})
    assert (found["attempts"].rows, found["attempts"].accuracy) == (200, 0.5)
    assert found["reflections"].rows == 200
    assert found["traces"].rows == 50


def test_what_is_done_or_shared_costs_nothing():
    made = Manifest("sample", "f", {}, {}, counts={"rows": 256, "tokens": 10_240, "correct": 64})
    found = planned(done={"attempts": made}, shared=["questions"])
    assert [(found[n].state, found[n].cost) for n in ("attempts", "questions")] == [("reused", None), ("shared", None)]
    assert found["reflections"].state == "made"


def test_seconds_follow_the_rates():
    found = planned("sample.max_tokens=160", "evaluate.max_tokens=640")
    attempts = found["attempts"].cost
    # 64 prompts of 50 tokens; 10,240 tokens at a context of 50 + 20 in batches of 64; two engines share 4 shards.
    prompts, written = 64 * 50 * 0.001, 10_240 * (0.01 + 0.0001 * 70 + 0.02 / 64)
    assert attempts.seconds == pytest.approx(10 + (prompts + written) / 2)
    assert attempts.units == 2
    # 9,600 tokens in sequences of 300, one worker.
    assert found["sft"].cost.seconds == pytest.approx(5 + 9600 * 0.005)
    # 2 steps of 8 rollouts of 160 tokens and 48 or 50 of a prompt, one rank; a validation of 1,280 tokens.
    prompt = found["grpo"].volume.prompt
    step = 1.0 + 0.001 * 8 * (160 + prompt)
    assert found["grpo"].cost.seconds == pytest.approx(50 + 10 + 2 * step + 1280 * 0.0005)
    assert all(s.cost.seconds <= s.cost.most for s in found.values())


def test_an_evaluation_that_goes_on_with_the_engines_of_another_only_loads_its_model():
    config = load(SMALL)
    steps = build(config)
    entry = replace(MINE, rates=replace(MINE.rates, engine_next=4.0))

    def less(**given):
        """Step -> seconds that its start takes less than where it was not measured."""
        whole = [plan(config, steps, list(steps), one, {}, **given).made for one in (MINE, entry)]
        return {before.name: round(a.seconds - b.seconds, 6) for (before, a), (_, b) in zip(*whole, strict=True)}

    assert {name: seconds for name, seconds in less().items() if seconds} == {"eval_grpo": 6.0}
    # With GRPO's model there, the three evaluations are neighbours.
    assert {n: s for n, s in less(shared=["grpo"]).items() if s} == {"eval_base": 6.0, "eval_grpo": 6.0}


def test_one_shard_keeps_one_engine_busy():
    assert planned("run.shard_questions=16")["attempts"].cost.units == 1


def test_the_whole_adds_up_and_the_peak_counts_what_was_made_before():
    config = load(SMALL)
    steps = build(config)
    whole = plan(config, steps, list(steps), MINE, {})
    costs = [cost for _, cost in whole.made]
    assert whole.seconds == pytest.approx(DRIVER_SECONDS + sum(c.seconds for c in costs))
    assert whole.disk == sum(c.disk for c in costs)
    assert max(c.peak for c in costs) < whole.peak
    assert whole.unknown == []


def test_the_users_figures_come_before_those_shipped(tmp_path):
    config = load(SMALL)
    assert chosen_entry(config, files=[tmp_path / "none.json", SHIPPED]).name == "two CPU cores, embedded model"
    keep(tmp_path / "mine.json", MINE)
    assert chosen_entry(config, files=[tmp_path / "mine.json", SHIPPED]).name == "mine"


def test_where_nothing_was_measured_a_formula_says_that_it_is_one():
    config = load(["experiment=paper/countdown_1.5b"])
    entry = chosen_entry(config, "h100", [SHIPPED])
    assert (entry.hardware, entry.measured, entry.lengths) == ("h100", "", None)
    steps = build(config)
    said = remarks(plan(config, steps, list(steps), entry, {}))
    assert "ESTIMATE by formula, not measured" in said[0]
    assert "assumed" in said[2]


def test_an_unknown_gpu_is_refused_with_the_nearest():
    config = load(["experiment=paper/countdown_1.5b"])
    with pytest.raises(ConfigError, match=r"--gpu: 'h10' is not known; did you mean 'h100'\?"):
        chosen_entry(config, "h10", [SHIPPED])


def test_the_roofline_is_its_formula():
    config = load(["experiment=paper/countdown_1.5b"])
    rates = roofline.estimate("h100", 1_000_000_000, config).rates
    assert rates.prefill == pytest.approx(2e9 / (0.4 * 989e12))
    assert rates.decode_step == pytest.approx(2e9 / (0.6 * 3.35e12))
    assert rates.decode_context == pytest.approx(0.35 * 1e9**0.5 * 2 / (0.6 * 3.35e12))
    faster = roofline.estimate("h200", 1_000_000_000, config).rates
    assert (faster.prefill, faster.decode_step < rates.decode_step) == (rates.prefill, True)
    adapted = load(["experiment=paper/countdown_1.5b", "sft.lora.rank=16"])
    assert rates.sft == pytest.approx(8e9 / (0.4 * 989e12))
    assert roofline.estimate("h100", 1_000_000_000, adapted).rates.sft == pytest.approx(rates.sft * 6 / 8)


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (count, 0, "–"),
        (count, 6400, "6,400"),
        (count, 271_000, "271k"),
        (count, 1_310_000, "1.3M"),
        (size, 0, "–"),
        (size, 2048, "2 KiB"),
        (size, 3.4 * 2**20, "3.4 MiB"),
        (size, 120 * 2**30, "120.0 GiB"),
    ],
)
def test_figures_are_short(function, value, text):
    assert function(value) == text


def test_planning_loads_no_engine():
    code = (
        "import sys; from sfray.cli.planning import sweep; from sfray.compose import CONF;"
        "plans = sweep(['experiment=smoke', 'run.dir=/nonexistent/runs'], CONF, 'h100');"
        "assert len(plans[0].made) == 12, plans;"
        "print(*sorted({'ray', 'torch', 'vllm', 'verl'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
