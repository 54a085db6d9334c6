"""The bounds of the config's numbers, one by one; what must fit together stands in :mod:`sfray.validation`."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from sfray.config import Config

_AT_LEAST_ONE = """
    run.shard_questions model.context engine.actors engine.threads engine.tensor_parallel engine.max_num_seqs
    engine.max_num_batched_tokens sample.n sample.max_tokens reflect.n reflect.max_tokens evaluate.n
    evaluate.max_tokens trace.l_max trace.n_correct trace.repeats trace.max_per_question trace.max_tokens
    trace.builders sft.workers sft.batch sft.micro_batch sft.epochs sft.max_length sft.save_every sft.keep
    grpo.nodes grpo.ranks_per_node grpo.batch grpo.mini_batch grpo.micro_batch grpo.steps grpo.max_prompt
    grpo.max_response grpo.save_every grpo.test_every grpo.keep grpo.rollout.max_num_seqs
    grpo.rollout.max_num_batched_tokens grpo.rollout.tensor_parallel cluster.num_cpus
"""
_ABOVE_ZERO = """
    engine.cpus_per_actor engine.timeout_minutes sft.cpus_per_worker sft.lr sft.clip grpo.lr
    grpo.timeout_minutes grpo.rollout.temperature sample.repetition_penalty reflect.repetition_penalty
    evaluate.repetition_penalty cluster.object_store_gib
"""
_NOT_NEGATIVE = """
    sample.temperature reflect.temperature evaluate.temperature sample.top_k reflect.top_k evaluate.top_k
    engine.kv_cache_gib quality.min_traceable_questions task.sft.count task.rl.count task.eval.count
    trace.n_incorrect sft.max_steps sft.weight_decay sft.max_failures grpo.max_failures grpo.kl_coef grpo.entropy_coef
    report.traces cluster.num_gpus
"""
_FRACTIONS = """
    sample.top_p reflect.top_p evaluate.top_p engine.gpu_memory_utilization
    grpo.rollout.gpu_memory_utilization grpo.rollout.top_p
"""
_RATES = """
    quality.min_accuracy quality.min_valid_rate quality.min_f1_correct quality.min_f1_incorrect
"""


def problems(config: Config) -> Iterator[str]:
    """Yields a line for each number that is out of its bounds; null is in all of them."""
    for group, ok, wish in (
        (_AT_LEAST_ONE, lambda x: x >= 1, "at least 1"),
        (_ABOVE_ZERO, lambda x: x > 0, "above 0"),
        (_NOT_NEGATIVE, lambda x: x >= 0, "0 or more"),
        (_FRACTIONS, lambda x: 0 < x <= 1, "above 0 and at most 1"),
        (_RATES, lambda x: 0 <= x <= 1, "between 0 and 1"),
        ("evaluate.confidence", lambda x: 0 < x < 1, "above 0 and below 1"),
        ("sft.warmup_ratio", lambda x: 0 <= x < 1, "at least 0 and below 1"),
    ):
        for key in group.split():
            value = attrgetter(key)(config)
            if value is not None and not ok(value):
                yield f"{key}: {value} must be {wish}"
