"""What the fields of a config say of themselves: bounds, and what changes only speed."""

from __future__ import annotations

import dataclasses

import pytest

from sfray.config import Config
from sfray.config.marks import out_of_bounds, speed_only
from sfray.config.validation import ConfigError, keys, lookup, parse


def problems(raw: dict, key: str, value: float) -> list[str]:
    """What is wrong with a config in which a key is set."""
    *groups, last = key.split(".")
    group = raw
    for name in groups:
        group = group.setdefault(name, {})
    group[last] = value
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    return caught.value.problems


BOUNDS = {
    "at least 1": (
        0,
        "run.shard_questions model.context engine.actors engine.threads engine.tensor_parallel "
        "engine.max_num_seqs engine.shards_in_flight "
        "engine.max_num_batched_tokens sample.n sample.max_tokens reflect.n reflect.max_tokens evaluate.n "
        "evaluate.max_tokens trace.l_max trace.n_correct trace.repeats trace.max_per_question trace.max_tokens "
        "trace.subsample_size select.per_question select.max_tokens segments.n segments.max_tokens evaluate.force_to "
        "teacher.n teacher.max_tokens teacher.concurrency "
        "trace.builders sft.workers sft.min_workers sft.batch sft.micro_batch sft.micro_tokens sft.epochs "
        "sft.max_length sft.save_every sft.keep "
        "grpo.nodes grpo.ranks_per_node grpo.batch grpo.mini_batch grpo.micro_batch grpo.steps grpo.max_prompt "
        "grpo.micro_tokens grpo.guard_every "
        "grpo.max_response grpo.save_every grpo.test_every grpo.keep grpo.rollout.max_num_seqs "
        "grpo.rollout.max_num_batched_tokens grpo.rollout.tensor_parallel cluster.num_cpus",
    ),
    "above 0": (
        0.0,
        "engine.cpus_per_actor engine.timeout_minutes sft.cpus_per_worker sft.lora.alpha sft.lr sft.clip grpo.lr "
        "grpo.timeout_minutes grpo.rollout.temperature sample.repetition_penalty reflect.repetition_penalty "
        "segments.repetition_penalty evaluate.repetition_penalty cluster.object_store_gib "
        "teacher.timeout_minutes "
        "deploy.storage_gib_per_second deploy.start_minutes",
    ),
    "0 or more": (
        -1,
        "sample.temperature reflect.temperature evaluate.temperature sample.top_k reflect.top_k evaluate.top_k "
        "engine.kv_cache_gib quality.min_traceable_questions task.sft.count task.rl.count task.eval.count "
        "trace.n_incorrect sft.max_steps sft.weight_decay sft.max_failures grpo.max_failures grpo.kl_coef "
        "teacher.temperature teacher.retries teacher.input_price teacher.output_price teacher.requests_per_minute "
        "segments.temperature segments.top_k grpo.entropy_coef grpo.clip_low grpo.clip_high report.entries "
        "cluster.wait_minutes cluster.silent_minutes cluster.grace_seconds cluster.num_gpus deploy.retries "
        "deploy.keep_minutes sft.lora.rank sft.logits_gib",
    ),
    "above 0 and at most 1": (
        0.0,
        "sample.top_p reflect.top_p evaluate.top_p engine.gpu_memory_utilization grpo.rollout.gpu_memory_utilization "
        "segments.top_p teacher.top_p grpo.rollout.top_p grpo.guard_bound",
    ),
    "between 0 and 1": (
        -0.5,
        "quality.min_accuracy quality.min_valid_rate quality.min_f1_correct quality.min_f1_incorrect quality.probe",
    ),
    "above 0 and below 1": (0.0, "results.confidence"),
    "at least 0 and below 1": (-0.5, "sft.warmup_ratio sft.lora.dropout"),
}
_BOUNDED = [(key, low, wish) for wish, (low, listed) in BOUNDS.items() for key in listed.split()]


@pytest.mark.parametrize(("key", "value", "wish"), _BOUNDED)
def test_bounds(raw: dict, key: str, value: float, wish: str) -> None:
    typed = value if isinstance(lookup(Config(), key), float) else int(value)
    typed = float(typed) if isinstance(lookup(Config(), key), float) else typed
    assert f"{key}: {typed} must be {wish}" in problems(raw, key, typed)


def test_a_limit_that_may_be_left_open_has_the_same_bounds(raw: dict) -> None:
    assert problems(raw, "deploy.hours", 0.0) == ["deploy.hours: 0.0 must be above 0"]


def test_every_number_has_a_bound_or_a_reason_not_to() -> None:
    free = {"run.seed", "sft.zero", "grpo.n"}  # any seed; the other two have checks of their own
    leaves = [k for k in keys() if not dataclasses.is_dataclass(lookup(Config(), k))]
    numbers = {
        k for k in leaves if isinstance(lookup(Config(), k), int | float) and not isinstance(lookup(Config(), k), bool)
    }
    assert numbers - {key for key, _, _ in _BOUNDED} == free


def test_what_changes_only_speed_is_said_on_the_field() -> None:
    config = Config()
    marked = {f"{g.name}.{k}" for g in dataclasses.fields(config) for k in marked_in(getattr(config, g.name))}
    assert marked == {
        "run.name",
        "run.dir",
        "trace.builders",
        "sft.cpus_per_worker",
        "sft.max_failures",
        "sft.min_workers",
        "sft.save_every",
        "sft.keep",
        "grpo.timeout_minutes",
        "grpo.save_every",
        "grpo.keep",
        "grpo.max_failures",
        "grpo.guard_bound",
        "grpo.guard_every",
        "grpo.logger",
        "teacher.url",
        "teacher.key",
        "teacher.concurrency",
        "teacher.requests_per_minute",
        "teacher.retries",
        "teacher.timeout_minutes",
        "teacher.input_price",
        "teacher.output_price",
    }


def marked_in(group: object) -> set[str]:
    """The marked fields of a group; a value that is no group has none."""
    return speed_only(group) if dataclasses.is_dataclass(group) else set()


def test_the_defaults_are_within_their_bounds() -> None:
    assert list(out_of_bounds(Config())) == []
    wrong = dataclasses.replace(Config().grpo, rollout=dataclasses.replace(Config().grpo.rollout, top_p=2.0), steps=0)
    assert list(out_of_bounds(wrong, "grpo.")) == [
        "grpo.steps: 0 must be at least 1",
        "grpo.rollout.top_p: 2.0 must be above 0 and at most 1",
    ]
