"""Every complaint about a config, word by word."""

from __future__ import annotations

import ast
import copy
import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.config import Config
from sfray.config.validation import LOGGERS, ConfigError, keys, lookup, nearest, parse


def changed(raw: dict, **changes: Any) -> dict:
    """A copy of a config with dotted keys (dots written ``__``) set."""
    raw = copy.deepcopy(raw)
    for key, value in changes.items():
        *groups, last = key.split("__")
        group = raw
        for name in groups:
            group = group.setdefault(name, {})
        group[last] = value
    return raw


def problems(raw: dict, **changes: Any) -> list[str]:
    """What is wrong with a config."""
    with pytest.raises(ConfigError) as caught:
        parse(changed(raw, **changes))
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_a_valid_config_keeps_its_values(raw: dict) -> None:
    config = parse(changed(raw, sample__n=3, sft__lr=1, run__name=7, trace__variants=["plain"], cluster__num_cpus=2))
    assert (config.sample.n, config.run.name, config.trace.variants, config.cluster.num_cpus) == (3, "7", ["plain"], 2)
    assert (config.sft.lr, type(config.sft.lr)) == (1.0, float)
    assert config == dataclasses.replace(config)


def test_parsing_what_parse_gave_changes_nothing(raw: dict) -> None:
    config = parse(raw)
    assert parse(dataclasses.asdict(config)) == config
    assert parse(json.loads(json.dumps(dataclasses.asdict(config)))) == config


TYPES = [
    ({"sampel": {"n": 3}}, ["sampel: no such key; did you mean sample?"]),
    ({"sample": {"temprature": 1}}, ["sample.temprature: no such key; did you mean sample.temperature?"]),
    (
        {"grpo": {"rollout": {"topp": 1}}},
        ["grpo.rollout.topp: no such key; did you mean grpo.rollout.top_p?"],
    ),
    ({"warmup_ratio": 0.1}, ["warmup_ratio: no such key; did you mean sft.warmup_ratio?"]),
    ({"xyzzy": 1}, ["xyzzy: no such key"]),
    ({7: 1}, ["7: no such key"]),
    ({"sample": 3}, ["sample: expected a group of keys, got 3"]),
    ({"sample": None}, ["sample: expected a group of keys, got None"]),
    ({"sample": {"n": "3"}}, ["sample.n: expected int, got '3'"]),
    ({"sample": {"n": 3.0}}, ["sample.n: expected int, got 3.0"]),
    ({"sample": {"n": True}}, ["sample.n: expected int, got True"]),
    ({"sample": {"n": None}}, ["sample.n: expected int, got None"]),
    ({"sample": {"hinted": 1}}, ["sample.hinted: expected bool, got 1"]),
    ({"sft": {"lr": "1e-6"}}, ["sft.lr: expected float, got '1e-6'"]),
    ({"sft": {"lr": False}}, ["sft.lr: expected float, got False"]),
    ({"sft": {"lr": float("nan")}}, ["sft.lr: expected a finite number, got nan"]),
    ({"sft": {"lr": float("inf")}}, ["sft.lr: expected a finite number, got inf"]),
    ({"sft": {"betas": [0.9, "x"]}}, ["sft.betas[1]: expected float, got 'x'"]),
    ({"sft": {"deepspeed": [1]}}, ["sft.deepspeed: expected dict[str, typing.Any], got [1]"]),
    ({"steps": "traces"}, ["steps: expected list[str], got 'traces'"]),
    ({"steps": [["traces"]]}, ["steps[0]: expected str, got ['traces']"]),
    ({"trace": {"variants": "plain"}}, ["trace.variants: expected list[str], got 'plain'"]),
    ({"trace": {"max_per_question": "2"}}, ["trace.max_per_question: expected int, got '2'"]),
    ({"run": {"name": True}}, ["run.name: expected str, got True"]),
    ({"run": {"name": "???"}}, ["run.name: must be given"]),
    ({"model": {"context": "???"}}, ["model.context: must be given"]),
    (
        {"sample": {"n": "x"}, "sft": {"lrr": 1}, "bad": 0},
        [
            "sample.n: expected int, got 'x'",
            "sft.lrr: no such key; did you mean sft.lr?",
            "bad: no such key",
        ],
    ),
]


@pytest.mark.parametrize(("given_raw", "lines"), TYPES, ids=lambda x: str(x)[:50])
def test_keys_and_types(given_raw: dict, lines: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(given_raw)
    assert sorted(caught.value.problems) == sorted(lines)


def test_not_even_a_group() -> None:
    with pytest.raises(ConfigError, match=r"^config: expected a group of keys, got \[\]$"):
        parse([])  # type: ignore[arg-type]


_LEAVES = [k for k in keys() if not dataclasses.is_dataclass(lookup(Config(), k))]


@given(st.sampled_from(_LEAVES), st.data())
def test_one_letter_too_many_names_the_key_that_was_meant(key: str, data: st.DataObject) -> None:
    group, _, last = key.rpartition(".")
    at = data.draw(st.integers(0, len(last)))
    typo = f"{group}.".lstrip(".") + last[:at] + "q" + last[at:]
    raw: dict = {}
    inner = raw
    for name in typo.split(".")[:-1]:
        inner = inner.setdefault(name, {})
    inner[typo.rpartition(".")[2]] = 1
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    (line,) = caught.value.problems
    assert line.startswith(f"{typo}: no such key; did you mean ")
    assert key in line.removesuffix("?").partition("did you mean ")[2].split(" or ")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("grpo.rolout.temperature", "; did you mean grpo.rollout.temperature?"),
        ("temperature", "; did you mean sample.temperature or reflect.temperature?"),
        ("Sample.N", "; did you mean sample.n?"),
        ("task.sft.cout", "; did you mean task.sft.count?"),
        ("qwertz", ""),
    ],
)
def test_the_nearest_keys(key: str, hint: str) -> None:
    assert nearest(key) == hint


def test_the_nearest_keys_of_more_than_the_schema() -> None:
    more = ["experiment", "task.options.path"]
    assert nearest("experimnt", more) == "; did you mean experiment?"
    assert nearest("task.path", more) == "; did you mean task.options.path or teacher.path?"
    assert nearest("task.path") == "; did you mean teacher.path or model.path?"


@given(st.text(max_size=30))
def test_any_key_gets_an_answer(key: str) -> None:
    assert nearest(key) == "" or nearest(key).startswith("; did you mean ")


@given(
    st.dictionaries(
        st.sampled_from(["sample", "run", "steps", "grpo", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["n", "rollout", "name", "top_p"]), inner, max_size=2)
            ),
            max_leaves=6,
        ),
    )
)
def test_nonsense_is_a_config_error_and_nothing_else(raw: dict) -> None:
    with pytest.raises(ConfigError):
        parse(raw)  # invalid in any case: the default context is too small for the default lengths


VARIANTS = "prompts=default has plain, plan, alternatives, restate"
CHECKS: list[tuple[dict[str, Any], list[str]]] = [
    # choices
    ({"steps": ["sft", "grpo", "sft", "sft"]}, ["steps: 'sft' is given 3 times"]),
    (
        {"model__dtype": "float16"},
        ["model.dtype: 'float16' is not one of float32, bfloat16; did you mean 'bfloat16'?"],
    ),
    ({"model__attention": "eager"}, ["model.attention: 'eager' is not one of sdpa, flash_attention_2"]),
    ({"engine__device": "gpu"}, ["engine.device: 'gpu' is not one of cpu, cuda; did you mean 'cpu'?"]),
    (
        {"sft__schedule": "cos"},
        ["sft.schedule: 'cos' is not one of cosine, linear, constant; did you mean 'cosine'?"],
    ),
    (
        {"grpo__loss": "seq-mean"},
        [
            "grpo.loss: 'seq-mean' is not one of token-mean, seq-mean-token-sum, seq-mean-token-mean, "
            "seq-mean-token-sum-norm; did you mean 'token-mean'?"
        ],
    ),
    # names
    (
        {"run__name": "artifacts"},
        ["run.name: 'artifacts' is the folder that all runs share; choose another name"],
    ),
    ({"run__name": ".."}, ["run.name: '..' must be one folder name of letters, digits, '.', '_' and '-'"]),
    ({"run__name": ""}, ["run.name: '' must be one folder name of letters, digits, '.', '_' and '-'"]),
    ({"run__name": "a/b"}, ["run.name: 'a/b' must be one folder name of letters, digits, '.', '_' and '-'"]),
    ({"run__name": "lr=1"}, ["run.name: 'lr=1' must be one folder name of letters, digits, '.', '_' and '-'"]),
    ({"run__name": "a\n"}, ["run.name: 'a\\n' must be one folder name of letters, digits, '.', '_' and '-'"]),
    ({"run__dir": "x/a=1/y"}, ["run.dir: 'x/a=1/y' must be a folder without '=' in its path"]),
    ({"run__dir": ""}, ["run.dir: '' must be a folder without '=' in its path"]),
    # ranges that take more than a bound
    ({"results__confidence": 1.0}, ["results.confidence: 1.0 must be above 0 and below 1"]),
    ({"sft__warmup_ratio": 1.0}, ["sft.warmup_ratio: 1.0 must be at least 0 and below 1"]),
    ({"run__name": 1000.0}, ["run.name: 1000.0 was read as a number; quote it: \"run.name='…'\""]),
    ({"quality__min_accuracy": 1.5}, ["quality.min_accuracy: 1.5 must be between 0 and 1"]),
    # questions
    ({"task__rl": {"levels": [], "count": 300}}, ["task.rl.levels: 300 questions need at least one level"]),
    # variants
    (
        {"sample__variants": ["plain", "paln"]},
        [f"sample.variants[1]: no variant 'paln', {VARIANTS}; did you mean 'plan'?"],
    ),
    ({"sample__variants": []}, ["sample.variants: at least one is needed"]),
    ({"sample__variants": ["plan", "plan"]}, ["sample.variants: 'plan' is given 2 times"]),
    ({"trace__variants": ["plan", "plan"]}, ["trace.variants: 'plan' is given 2 times"]),
    ({"reflect__variants": ["x"]}, ["reflect.variants[0]: no variant 'x', prompts=default has default"]),
    ({"prompts": "nowhere.yaml"}, ["prompts: no file 'nowhere.yaml'"]),
    # decoding
    (
        {"sample__temperature": 0},
        ["sample.n: 16 samples at sample.temperature = 0 would be the same one 16 times"],
    ),
    (
        {"reflect__temperature": 0.0, "evaluate__temperature": 0},
        [
            "reflect.n: 4 samples at reflect.temperature = 0 would be the same one 4 times",
            "evaluate.n: 4 samples at evaluate.temperature = 0 would be the same one 4 times",
        ],
    ),
    (
        {"engine__max_num_batched_tokens": 100},
        ["engine.max_num_batched_tokens: 100 is below engine.max_num_seqs = 256"],
    ),
    (
        {"grpo__rollout": {"max_num_batched_tokens": 512}},
        ["grpo.rollout.max_num_batched_tokens: 512 is below grpo.rollout.max_num_seqs = 2048"],
    ),
    # sft
    (
        {"sft__zero": 3, "sft__lora__rank": 8},
        ["sft.lora.rank: adapters need sft.zero 0, 1 or 2; stage 3 shares out weights, which are frozen here"],
    ),
    (
        {"sft__lora__rank": 8, "sft__lora__target_modules": []},
        ["sft.lora.target_modules: at least one is needed, as in [all-linear]"],
    ),
    (
        {"sft__lora__rank": 8, "sft__lora__target_modules": ["all-linear", "q_proj"]},
        ["sft.lora.target_modules: all-linear stands alone, it has all linear modules already"],
    ),
    ({"sft__zero": 4}, ["sft.zero: 4 is not a ZeRO stage (0, 1, 2 or 3)"]),
    (
        {"sft__workers": 2, "sft__micro_batch": 2, "sft__batch": 6},
        ["sft.batch: 6 is not a multiple of sft.workers x sft.micro_batch = 4"],
    ),
    ({"sft__micro_tokens": 0}, ["sft.micro_tokens: 0 must be at least 1"]),
    ({"sft__betas": [0.9]}, ["sft.betas: two numbers are needed, got [0.9]"]),
    ({"sft__betas": [0.9, 1.0]}, ["sft.betas: [0.9, 1.0] must be at least 0 and below 1"]),
    # grpo
    ({"grpo__mini_batch": 48}, ["grpo.mini_batch: 48 does not divide grpo.batch = 256"]),
    ({"grpo__mini_batch": 512}, ["grpo.mini_batch: 512 does not divide grpo.batch = 256"]),
    (
        {"grpo__micro_tokens": 4607},
        [
            "grpo.micro_tokens: 4607 tokens have no room for one sequence of grpo.max_prompt + grpo.max_response = "
            "4608; at least 4608"
        ],
    ),
    ({"grpo__micro_tokens": 0}, ["grpo.micro_tokens: 0 must be at least 1"]),
    ({"grpo__guard_bound": 1.5}, ["grpo.guard_bound: 1.5 must be above 0 and at most 1"]),
    (
        {"grpo__nodes": 3},
        [
            "grpo.mini_batch: 32 x grpo.n = 512 sequences do not divide among 12 ranks "
            "(grpo.nodes x grpo.ranks_per_node)",
        ],
    ),
    (
        {"grpo__logger": ["console", "wnadb"]},
        [
            "grpo.logger[1]: 'wnadb' is not one of wandb, mlflow, swanlab, vemlp_wandb, tensorboard, console, clearml, "
            "trackio, file, rl_insight; did you mean 'wandb'?"
        ],
    ),
    (
        {"grpo__overrides": ["a.b=1", "+c=2", "~d", "trainer.x"]},
        ["grpo.overrides[3]: 'trainer.x' is no override of verl's config: key=value, +key=value or ~key"],
    ),
    ({"grpo__n": 1}, ["grpo.n: 1 rollouts have no group to compare with; at least 2"]),
    (
        {"grpo__rollout": {"tensor_parallel": 3}},
        ["grpo.rollout.tensor_parallel: 3 does not divide 4 ranks"],
    ),
    ({"evaluate__n_by_task": {"gsm8k": 0}}, ["evaluate.n_by_task.gsm8k: 0 must be at least 1"]),
    ({"evaluate__n_by_task": {"gsm8k": "4"}}, ["evaluate.n_by_task.gsm8k: expected int, got '4'"]),
    (
        {"evaluate__max_tokens": 4096, "evaluate__force_to": 4096},
        ["evaluate.force_to: 4096 is not over evaluate.max_tokens = 4096, where the forcing begins"],
    ),
    ({"evaluate__force_to": 32769}, ["evaluate.force_to: 32769 is over model.context = 32768"]),
    # lengths
    (
        {"sample__max_tokens": 32769},
        ["sample.max_tokens: 32769 is over model.context = 32768"],
    ),
    (
        {"reflect__max_tokens": 40000},
        ["reflect.max_tokens: 40000 is over model.context = 32768"],
    ),
    (
        {"model__context": 4096},
        [
            "evaluate.max_tokens: 16384 is over model.context = 4096",
            "grpo.max_response: with grpo.max_prompt it makes 4608, over model.context = 4096",
        ],
    ),
    ({"sft__max_length": 40000}, ["sft.max_length: 40000 is over model.context = 32768"]),
    ({"sft__max_length": 4000}, ["trace.max_tokens: 4096 is over sft.max_length = 4000"]),
    # resources
    ({"engine__kv_cache_gib": 0}, ["engine.kv_cache_gib: a CPU engine cannot do without"]),
    (
        {"cluster": {"address": "local", "num_cpus": 2}, "engine__actors": 3},
        [
            "engine.actors: 3 x engine.cpus_per_actor = 1.5 leaves less than one CPU of cluster.num_cpus = 2 "
            "for reading and writing; the pool would wait for ever"
        ],
    ),
    (
        {"cluster": {"address": "local", "num_cpus": 2}, "sft__workers": 4, "sft__batch": 4},
        ["sft.workers: 4 x sft.cpus_per_worker is over cluster.num_cpus = 2"],
    ),
    (
        {
            "cluster": {"address": "local", "num_cpus": 2},
            "sft__workers": 4,
            "sft__batch": 4,
            "sft__min_workers": 3,
        },
        ["sft.min_workers: 3 x sft.cpus_per_worker is over cluster.num_cpus = 2"],
    ),
    ({"sft__min_workers": 2}, ["sft.min_workers: 2 is more than sft.workers = 1"]),
    (
        {
            "cluster__num_gpus": 2,
            "engine": {"device": "cuda", "actors": 2, "tensor_parallel": 2},
            "sft__workers": 4,
            "sft__batch": 4,
        },
        [
            "engine.actors: 4 GPUs are needed, cluster.num_gpus = 2",
            "sft.workers: 4 GPUs are needed, cluster.num_gpus = 2",
            "grpo.ranks_per_node: 4 GPUs are needed, cluster.num_gpus = 2",
        ],
    ),
    *(
        (
            {"cluster__address": address},
            [f"cluster.address: {address!r} is not local, auto, HOST:PORT or ray://HOST:PORT"],
        )
        for address in ("loca", "http://head:8265", "ray://head", "head:", "a b:1", "")
    ),
]


@pytest.mark.parametrize(("changes", "lines"), CHECKS, ids=lambda x: str(x)[:60])
def test_checks(raw: dict, changes: dict[str, Any], lines: list[str]) -> None:
    assert problems(raw, **changes) == lines


@pytest.mark.parametrize(
    "changes",
    [
        {"sample__n": 1, "sample__temperature": 0},
        {"cluster__address": "ray://head.svc:10001"},
        {"cluster__address": "10.0.0.1:6379"},
        {"cluster__address": "local", "cluster__num_cpus": 2, "engine__actors": 2},
        {"run__name": "Run-1.b_2"},
        {"engine__device": "cuda", "engine__kv_cache_gib": 0},
        {"trace__variants": ["restate"]},
        {"engine__device": "cuda", "grpo__nodes": 2},
        {"grpo__logger": []},
        {"grpo__logger": ["file", "wandb", "tensorboard"]},
        {"task__rl": {"levels": [3, "4"], "count": 256}},
        {"model__context": 16385},
    ],
    ids=str,
)
def test_what_is_allowed(raw: dict, changes: dict[str, Any]) -> None:
    parsed = parse(changed(raw, **changes))
    for key, value in changes.items():
        if not isinstance(value, dict):
            assert lookup(parsed, key.replace("__", ".")) == value


def test_the_loggers_are_verls_own() -> None:
    spec = importlib.util.find_spec("verl")
    if spec is None or spec.origin is None:
        pytest.skip("verl is not installed")
    source = (Path(spec.origin).parent / "utils" / "tracking.py").read_text(encoding="utf-8")
    (tracking,) = (n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == "Tracking")
    (listed,) = (
        ast.literal_eval(n.value)
        for n in tracking.body
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "supported_backend"
    )
    assert list(LOGGERS) == listed


def test_a_prompts_file_of_the_users_own_brings_its_variants(raw: dict, tmp_path: Path) -> None:
    own = (Path(__file__).parents[2] / "sfray" / "prompts" / "default.yaml").read_text(encoding="utf-8")
    path = tmp_path / "own.yaml"
    path.write_text(own.replace("  restate:", "  slowly:"), encoding="utf-8")
    good = changed(raw, prompts=str(path), sample__variants=["plain", "slowly"])
    assert parse(good).sample.variants == ["plain", "slowly"]
    assert problems(good, sample__variants=["restate"]) == [
        f"sample.variants[0]: no variant 'restate', prompts={path} has plain, plan, alternatives, slowly"
    ]
