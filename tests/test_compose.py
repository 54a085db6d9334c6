"""Command lines: what they compose to, and what is said about those that are wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sfray.compose import CONF, check_overrides, composed, load
from sfray.validation import ConfigError

WRONG = [
    (["sample.temprature=1"], "sample.temprature: no such key; did you mean sample.temperature?"),
    (["sampel.n=1"], "sampel.n: no such key; did you mean sample.n"),
    (["sft.lr=fast"], "sft.lr: expected float, got 'fast'"),
    (["run.name=a/b"], "run.name: 'a/b' must be one folder name of letters, digits, '.', '_' and '-'"),
    (["stages=[questions,sample]"], "stages[1]: 'sample' is not one of questions, attempts"),
    (["model=tinny"], "model=tinny: no such option; conf/model has "),
    (["experiment=nope"], "experiment=nope: no such option; conf/experiment has ablation/"),
    (["sample.n=null"], "sample.n: expected int, got None"),
    (["prompts=nowhere"], "prompts: no file 'nowhere'"),
    (["task=5"], "Config group override must be a string or a list. Got int"),
    (["+sft.lr=1"], "sft.lr: there is a value to change already; leave out the +"),
    (
        ["task=gsm8k", "task.options.revision=abc"],
        "task.options.revision: not among the keys that this option sets; add it with +task.options.revision=abc",
    ),
    (
        ["engine.extra.seed=1"],
        "engine.extra.seed: not among the keys that this option sets; add it with +engine.extra.seed=1",
    ),
    (["task=gsm8k", "+task.options.subset=main"], "task.options.subset: there is a value to change already"),
    (["+sample.more=1"], "sample.more: no such key"),
    (["grpo.overrides=[a=1]"], "grpo.overrides=[a=1]: cannot be read: no viable alternative at input '[a='; quote"),
    (
        ["task=gsm8k", "task.eval.weights=[1]"],
        "task.eval.weights: not among the keys that this option sets; add it with +task.eval.weights=[1]",
    ),
]


@pytest.mark.parametrize(("overrides", "message"), WRONG, ids=lambda x: str(x)[:40])
def test_overrides_that_are_wrong_are_named(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        load(overrides)


def test_a_preset_can_be_changed_key_by_key() -> None:
    config = load(["sample.n=2", "run.name=mine", "stages=[questions,attempts]", "task.sft.count=32", "sft.lr=1e-5"])
    assert (config.sample.n, config.run.name, config.task.sft.count, config.sft.lr) == (2, "mine", 32, 1e-5)
    assert config.stages == ["questions", "attempts"]


def test_a_tree_may_be_named_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONF.parent)
    assert composed([], Path("conf")) == composed()


def test_a_tree_elsewhere_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^no config tree at {tmp_path}; "):
        composed([], tmp_path)


def test_sweeps_and_hydras_own_flags_are_left_to_hydra() -> None:
    check_overrides(["--multirun", "sample.temprature=1,2"])
    with pytest.raises(ConfigError, match=r"^sample\.temprature: no such key"):
        check_overrides(["sample.temprature=1"])
