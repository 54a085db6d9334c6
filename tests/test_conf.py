"""Every file in ``conf/`` composes and is valid, and the presets say what the paper says."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from sfray.compose import CONF, composed, load
from sfray.config import Config
from sfray.config.validation import ConfigError, lookup, parse
from sfray.graph import build
from sfray.preflight import preflight
from sfray.traces.recipes import recipe

FILES = sorted(CONF.rglob("*.yaml"))
EXPERIMENTS = sorted(
    str(p.relative_to(CONF / "experiment").with_suffix("")) for p in (CONF / "experiment").rglob("*.yaml")
)
OPTIONS = sorted(
    (p.parent.relative_to(CONF).as_posix(), p.stem)
    for p in FILES
    if p.parent != CONF and p.parent.relative_to(CONF).parts[0] != "experiment" and p.parent.name != "tail"
)
BASES = ["quickstart", "paper/countdown_1.5b", "paper/openthoughts_1k"]
"""Experiments that options are tried on: a context of 16,384 does not fit the embedded model."""


def test_the_groups_are_those_of_the_schema() -> None:
    groups = {p.name for p in CONF.iterdir() if p.is_dir()} - {"experiment"}
    assert groups == {
        "model",
        "task",
        "engine",
        "sample",
        "reflect",
        "segments",
        "teacher",
        "quality",
        "trace",
        "sft",
        "grpo",
        "evaluate",
        "cluster",
        "method",
        "deploy",
    }
    assert groups <= {k for k in vars(Config()) if k != "experiment"}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_is_valid(experiment: str) -> None:
    config = load([f"experiment={experiment}"])
    assert list(preflight(config)) == list(build(config))


SERVES: tuple[list[str], ...] = (
    [],
    ["task.sft.count=0", "task.rl.count=0", "steps=[eval_base]"],
    ["task.eval.count=0", "steps=[quality,sft]"],
    ["teacher.url=http://localhost:8000/v1", "teacher.model=teacher"],
)
"""Whole runs, runs that only evaluate, runs that only train: some data sets serve one of them alone."""


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_is_valid_in_some_experiment(group: str, option: str) -> None:
    refusals = []
    for base, serves in itertools.product(BASES, SERVES):
        # The command line's choice of an option wins over the experiment's.
        raw = composed([f"experiment={base}", f"{group}={option}", *serves])
        own = leaves(yaml.safe_load((CONF / group / f"{option}.yaml").read_text(encoding="utf-8")))
        beaten = {"defaults"} | {k.removeprefix(f"{group}.") for k in said(base, serves)}
        chosen = {k: v for k, v in own.items() if k not in beaten and not str(v).startswith("${")}
        there = leaves(raw[group])
        assert {k: there[k] for k in chosen} == chosen
        try:
            preflight(parse(raw))
        except ConfigError as error:
            refusals.append(f"{base}: {error}")
        else:
            return
    raise AssertionError("\n".join(refusals))


def said(experiment: str, overrides: list[str]) -> set[str]:
    """The keys that an experiment's own file and the command line set: these win over an option's."""
    own = leaves(yaml.safe_load((CONF / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8")))
    return set(own) | {override.partition("=")[0] for override in overrides}


def leaves(value: object, prefix: str = "") -> dict[str, object]:
    """Dotted key -> value."""
    if not isinstance(value, dict) or not value:
        return {prefix.rstrip("."): value}
    return {k: v for name, item in value.items() for k, v in leaves(item, f"{prefix}{name}.").items()}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(CONF)))
def test_every_file_says_what_it_is_for_and_holds_known_keys(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content.pop("defaults", None)
    content.pop("hydra", None)
    group = path.parent.relative_to(CONF).parts
    tree = {group[0]: content} if group and group[0] != "experiment" else content
    with pytest.raises(ConfigError) as caught:
        parse(tree | {"always": "wrong"})
    unresolved = ("always: no such key", "'${")  # an interpolation has no type before it is composed
    assert [line for line in caught.value.problems if not any(mark in line for mark in unresolved)] == []


def test_a_bare_launch_is_quickstart() -> None:
    assert composed() == composed(["experiment=quickstart"])
    config = load()
    assert config.run.name == "quickstart"
    assert (config.model.path, config.engine.device, config.cluster.address) == ("tiny", "cpu", "local")
    assert config.steps == []


def test_rl_only_differs_from_quickstart_in_nothing_but_the_sft() -> None:
    quick, only = load(), load(["experiment=quickstart_rl_only"])
    assert list(build(only)) == ["base", "questions", "grpo", "eval_base", "eval_grpo", "results"]
    assert only.method["grpo"]["model"] == "base"
    for key in ("model", "task.rl", "task.eval", "grpo.steps", "grpo.batch", "grpo.n", "grpo.lr", "grpo.max_response"):
        assert lookup(quick, key) == lookup(only, key)


RANGES = {"options": {"number_range": [1, 99], "target_range": [1, 999]}}
COUNTDOWN = {
    "task.name": "mixture",
    "task.options": {
        "parts": [
            {"name": "countdown", "levels": ["3"], "splits": ["sft", "rl"]} | RANGES,
            {"name": "countdown", "levels": ["3", "4", "5", "6"], "weight": 4, "splits": ["eval"]} | RANGES,
            {"name": "acronym", "levels": ["4", "5"], "weight": 2, "splits": ["eval"]},
            {"name": "letter_countdown", "levels": ["4", "5"], "weight": 2, "splits": ["eval"]},
            {"name": "multiplication", "levels": ["2", "3", "4", "5"], "weight": 4, "splits": ["eval"]},
            {"name": "commonsense_qa", "splits": ["eval"]},
            {"name": "gsm8k", "splits": ["eval"]},
        ]
    },
    "task.sft.count": 4000,
    "task.rl.count": 1000,
    "task.eval.count": 14 * 256,
    "sample.variants": ["plain", "plan", "alternatives", "restate"],
    "sample.n": 16,
    "sample.hinted": False,
    "reflect.n": 4,
    "trace.recipe": "algorithm1",
    "trace.l_max": 5,
    "sft.epochs": 2,
    "sft.micro_batch": 1,
    "sft.batch": 1,
    "sft.max_length": 4096,
    "evaluate.n": 4,
}
OPENTHOUGHTS = {
    "grpo.max_prompt": 2048,
    "task.rl.count": 10_000,
    "model.path": "Qwen/Qwen2.5-7B-Instruct",
    "sample.variants": ["plain", "plan", "alternatives", "restate"],
    "sample.n": 2,
    "sample.hinted": True,
    "reflect.n": 1,
    "trace.recipe": "algorithm1",
    "trace.l_max": 5,
    "sft.epochs": 1,
    "sft.max_length": 16384,
    "evaluate.n": 34,
    "evaluate.n_by_task": {"math500": 4},
}
EVERYWHERE = {
    **{f"{group}.temperature": 0.7 for group in ("sample", "reflect")},
    **{f"{group}.top_p": 0.8 for group in ("sample", "reflect")},
    **{f"{group}.top_k": 20 for group in ("sample", "reflect")},
    **{f"{group}.repetition_penalty": 1.1 for group in ("sample", "reflect")},
    "model.dtype": "bfloat16",
    "model.context": 16384,
    "engine.device": "cuda",
    "sft.lr": 1e-6,
    "sft.schedule": "cosine",
    "sft.warmup_ratio": 0.05,
    "sft.weight_decay": 1e-4,
    "sft.betas": [0.9, 0.95],
    "sft.gradient_checkpointing": True,
    "sft.zero": 2,
    "grpo.lr": 1e-6,
    "grpo.kl_coef": 0.0,
    "grpo.batch": 256,
    "grpo.mini_batch": 32,
    "grpo.n": 16,
    "grpo.steps": 150,
    "grpo.max_prompt": 512,
    "grpo.max_response": 4096,
    "grpo.gradient_checkpointing": True,
    "grpo.activation_offload": True,
    "grpo.save_every": 25,
    "grpo.test_every": 25,
    "grpo.nodes": 1,
    "grpo.ranks_per_node": 4,
    "grpo.rollout.max_num_batched_tokens": 16384,
    "grpo.rollout.max_num_seqs": 2048,
    "grpo.rollout.gpu_memory_utilization": 0.8,
    "grpo.rollout.tensor_parallel": 1,
}
SHARDED = {
    "sft.workers": 4,
    "sft.micro_batch": 1,
    "sft.batch": 4,
    "sft.zero": 2,
    "grpo.overrides": [f"actor_rollout_ref.actor.fsdp_config.{kind}_offload=True" for kind in ("param", "optimizer")],
}
"""What 7B needs: batch size 1 on each of 4 GPUs, and room for the rollout beside the actor."""
PAPER: dict[str, dict[str, Any]] = {
    "paper/countdown_1.5b": COUNTDOWN | {"model.path": "Qwen/Qwen2.5-1.5B-Instruct"},
    "paper/budget_forcing": COUNTDOWN | {"model.path": "Qwen/Qwen2.5-1.5B-Instruct"},
    "paper/countdown_7b": COUNTDOWN | SHARDED | {"model.path": "Qwen/Qwen2.5-7B-Instruct"},
    "paper/countdown_olmo3_7b": COUNTDOWN
    | SHARDED
    | {"model.path": "allenai/Olmo-3-7B-Instruct-SFT", "report.published": "olmo-3-7b"},
    "paper/openthoughts_1k": OPENTHOUGHTS | SHARDED | {"task.sft.count": 1000, "report.published": "openthoughts-7b"},
    "paper/openthoughts_10k": OPENTHOUGHTS
    | SHARDED
    | {"task.sft.count": 10_000, "report.published": "openthoughts-7b-10k"},
}


@pytest.mark.parametrize("experiment", PAPER)
def test_paper_presets_hold_the_papers_figures(experiment: str) -> None:
    config = load([f"experiment={experiment}"])
    wanted = EVERYWHERE | PAPER[experiment]
    assert {key: lookup(config, key) for key in wanted} == wanted
    assert (config.model.context, config.evaluate.max_tokens) == (16384, 16384)


@pytest.mark.parametrize("experiment", ["paper/openthoughts_1k", "paper/openthoughts_10k"])
def test_openthoughts_trains_on_its_own_rows_and_is_tested_on_others(experiment: str) -> None:
    config = load([f"experiment={experiment}"])
    parts = [part["name"] for part in config.task.options.get("parts", [])]
    assert "openthoughts" in {config.task.name, *parts}
    (trained,) = [p for p in config.task.options["parts"] if p["name"] == "openthoughts"]
    assert trained["options"]["domains"] == ["math"]
    assert config.task.eval.count > 0


def test_budget_forcing_goes_from_4096_to_8192_tokens() -> None:
    steps = build(load(["experiment=paper/budget_forcing"]))
    decodings = {name: steps[name].settings.evaluate for name in ("eval_grpo", "plain_grpo", "forced_grpo")}
    assert {name: (d.max_tokens, d.force_to) for name, d in decodings.items()} == {
        "eval_grpo": (16384, None),
        "plain_grpo": (4096, None),
        "forced_grpo": (4096, 8192),
    }
    assert decodings["forced_grpo"].trigger == "<sample>"


def test_every_paper_preset_is_tested() -> None:
    assert {e for e in EXPERIMENTS if e.startswith("paper/")} == set(PAPER)


ABLATIONS = {
    "no_order": {"trace.recipe": "no_order", "report.beside": "no_order"},
    "no_reflections": {"trace.recipe": "no_reflections", "report.beside": "no_reflections"},
    "no_prompt_diversity": {"sample.variants": ["plain"], "sample.n": 64, "report.beside": "no_prompt_diversity"},
    "rl_only": {},
    "each_length": {"trace.recipe": "each_length"},
    "uniform": {"trace.recipe": "uniform"},
    "fixed_ratio": {"trace.recipe": "fixed_ratio", "trace.n_correct": 1, "trace.n_incorrect": 1},
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_changes_what_it_is_named_after_and_nothing_else(name: str) -> None:
    method = "rl_only" if name == "rl_only" else "skillfactory"
    full = leaves(composed(["experiment=paper/countdown_1.5b", f"method={method}"]))
    ablated = leaves(composed([f"experiment=ablation/{name}"]))
    changed = {k: v for k, v in ablated.items() if full.get(k, ...) != v}
    assert changed.pop("run.name") == f"ablation_{name}"
    ours = {k: v for k, v in ABLATIONS[name].items() if full.get(k, ...) != v}
    assert changed == ours
    assert full.keys() == ablated.keys()


def test_every_ablation_is_tested() -> None:
    named = {e.removeprefix("ablation/") for e in EXPERIMENTS if e.startswith("ablation/")}
    assert set(ABLATIONS) == named
    for name in named:
        assert recipe(load([f"experiment=ablation/{name}"]).trace.recipe)
