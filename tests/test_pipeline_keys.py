"""Which stages depend on which keys: no key forgotten, none that only changes the speed."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from sfray.config import STAGES, Config
from sfray.pipeline import SPECS, inputs_of, stages
from sfray.validation import keys, lookup, parse

AFTER = {
    "questions": set(STAGES) - {"report"},
    "attempts": {"attempts", "reflections", "quality", "traces", "sft", "grpo", "evaluate"},
    "reflections": {"reflections", "quality", "traces", "sft", "grpo", "evaluate"},
    "traces": {"traces", "sft", "grpo", "evaluate"},
    "sft": {"sft", "grpo", "evaluate"},
    "grpo": {"grpo", "evaluate"},
}
"""A stage and all that read it, directly or not."""


@pytest.fixture(autouse=True)
def _no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report depends on what a run has finished, so this must not see the runs of the checkout."""
    monkeypatch.chdir(tmp_path)


def with_keys(raw: dict, changes: dict[str, Any]) -> Config:
    """A valid config with dotted keys set."""
    for key, value in changes.items():
        *groups, last = key.split(".")
        group = raw
        for name in groups:
            group = group.setdefault(name, {})
        group[last] = value
    return parse(raw)


def differing(one: Config, other: Config) -> set[str]:
    """The stages whose output differs between two configs."""
    before, after = stages(one), stages(other)
    return {name for name in STAGES if before[name].fingerprint != after[name].fingerprint}


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("engine.actors", 3, set()),
        ("cluster.address", "local", set()),
        ("trace.builders", 3, set()),
        ("grpo.keep", 5, set()),
        ("sft.save_every", 7, set()),
        ("stages", ["traces"], set()),
        ("run.name", "other", set()),
        ("run.dir", "elsewhere", set()),
        ("run.overwrite", ["traces"], set()),
        ("run.seed", 1, AFTER["questions"]),
        ("run.shard_questions", 8, AFTER["questions"]),
        ("task.sft.count", 300, AFTER["questions"]),
        ("task.rl.count", 300, {"questions"} | AFTER["grpo"]),
        ("task.eval.count", 300, {"questions", "evaluate"}),
        ("model.dtype", "bfloat16", AFTER["attempts"]),
        ("sample.temperature", 0.8, AFTER["attempts"]),
        ("reflect.n", 3, AFTER["reflections"]),
        ("quality.min_accuracy", 0.1, {"quality"}),
        ("trace.l_max", 3, {"quality"} | AFTER["traces"]),
        ("sft.lr", 2e-6, AFTER["sft"]),
        ("grpo.lr", 2e-6, AFTER["grpo"]),
        ("evaluate.n", 3, {"evaluate"}),
        ("report.traces", 3, {"report"}),
    ],
)
def test_what_depends_on_a_key(raw: dict, key: str, value: object, wanted: set[str]) -> None:
    assert differing(parse(raw), with_keys(raw, {key: value})) == wanted


def test_prompts_count_by_what_they_say(raw: dict, tmp_path: Path) -> None:
    default = Path(__file__).parents[1] / "sfray" / "prompts" / "default.yaml"
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_bytes(default.read_bytes())
    other.write_bytes(default.read_bytes() + b"\n# more\n")
    base = parse(raw)
    assert differing(base, with_keys(raw, {"prompts": str(same)})) == set()
    assert differing(base, with_keys(raw, {"prompts": str(other)})) == AFTER["attempts"]


SPLIT_LEVELS = {split: {"levels": ["-"], "count": 256} for split in ("sft", "rl", "eval")}


@pytest.mark.parametrize("kind", ["file", "folder", "mapping"])
def test_local_data_counts_by_what_it_holds(raw: dict, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "data" / "gsm[1].jsonl"
    file.parent.mkdir()
    file.write_text('{"question": "1+1?", "answer": "#### 2"}')
    path = {"file": str(file), "folder": str(file.parent), "mapping": {"train": str(file)}}[kind]
    splits = {"splits": dict.fromkeys(("sft", "rl", "eval"), "train")}
    base = with_keys(raw, {"task": {"name": "gsm8k", "options": {"path": path} | splits, **SPLIT_LEVELS}})
    before = {name: stage.fingerprint for name, stage in stages(base).items()}
    (file.parent / ".gsm.jsonl.swp").write_text("an editor's")
    assert {name: stage.fingerprint for name, stage in stages(base).items()} == before
    file.write_text('{"question": "1+1?", "answer": "#### 777"}')
    after = {name: stage.fingerprint for name, stage in stages(base).items()}
    assert {name for name in STAGES if before[name] != after[name]} == AFTER["questions"]


def test_a_local_model_counts_by_what_it_holds(raw: dict, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "model" / name).write_text("{}")
    config = with_keys(raw, {"model.path": str(tmp_path / "model")})
    before = {name: stage.fingerprint for name, stage in stages(config).items()}
    (tmp_path / "model" / "model.safetensors").write_text("other")
    after = {name: stage.fingerprint for name, stage in stages(config).items()}
    assert {name for name in STAGES if before[name] != after[name]} == AFTER["attempts"]


NO_OUTPUT = {"stages", "run.name", "run.dir", "run.overwrite"}
"""Keys that name a run or a part of it; like those of machines (``engine``, ``cluster``) they change no output."""


def test_every_key_is_known_to_a_stage_or_changes_nothing() -> None:
    covered = [key for spec in SPECS.values() for key in spec.keys]
    forgotten = {
        key
        for key in keys()
        if not dataclasses.is_dataclass(lookup(Config(), key))
        and not key.startswith(("engine.", "cluster."))
        and not any(key == c or key.startswith(f"{c}.") for c in covered)
    }
    assert forgotten == NO_OUTPUT


def test_every_key_of_a_spec_exists() -> None:
    assert {key for spec in SPECS.values() for key in spec.keys} <= set(keys())


def test_data_flows_one_way() -> None:
    for name in STAGES:
        assert all(STAGES.index(needed) < STAGES.index(name) for needed in inputs_of(name, Config()))


@pytest.mark.parametrize("target", [target for spec in SPECS.values() for target in spec.runs])
def test_the_code_of_every_stage_is_there(target: str) -> None:
    module, _, function = target.partition(":")
    found = importlib.util.find_spec(module)
    assert found is not None
    assert f"\ndef {function}(" in Path(str(found.origin)).read_text(encoding="utf-8")
