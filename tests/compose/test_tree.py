"""Command lines: what they compose to, and what is said about those that are wrong."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from sfray.compose import CONF, check_overrides, composed, load
from sfray.config.validation import ConfigError

WRONG = [
    (["sample.temprature=1"], "sample.temprature: no such key; did you mean sample.temperature?"),
    (["sampel.n=1"], "sampel.n: no such key; did you mean sample.n"),
    (["sft.lr=fast"], "sft.lr: expected float, got 'fast'"),
    (["run.name=a/b"], "run.name: 'a/b' must be one folder name of letters, digits, '.', '_' and '-'"),
    (["model=tinny"], "model=tinny: no such option; conf/model has "),
    (["experiment=nope"], "experiment=nope: no such option; conf/experiment has ablation/"),
    (["sample.n=null"], "sample.n: expected int, got None"),
    (["prompts=nowhere"], "prompts: no file 'nowhere'"),
    (["task=5"], "task=5: no such option; conf/task has acronym, aime2025"),
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
    (
        ["task.options.number_rang=[1,2]"],
        "task.options.number_rang: countdown has no such option; did you mean task.options.number_range?",
    ),
    (
        ["task.options={number_rang: [1, 2]}"],
        "task.options.number_rang: countdown has no such option; did you mean task.options.number_range?",
    ),
    (
        ["evaluate.n_by_task.gsm8k=2", "task=gsm8k", "task.options.pth=x"],
        "evaluate.n_by_task.gsm8k: not among the keys that this option sets; add it with +evaluate.n_by_task.gsm8k=2",
    ),
    (
        ["task=gsm8k", "task.options.pth=x", "evaluate.n_by_task.gsm8k=2"],
        "task.options.pth: gsm8k has no such option; did you mean task.options.path?",
    ),
    (
        ["task=mixture", "task.options.parts.0.nmae=x"],
        "task.options.parts[0].nmae: no such key; did you mean 'name'?",
    ),
    (["task.name=cuntdown", "task.options.x=1"], "task.name: no task 'cuntdown'; did you mean 'countdown'?"),
    (["task=mixture", "task.options.parts.5.name=x"], "task.options.parts.5.name: list index out of range"),
    (["task.options=[1]"], "task.options: expected a group of keys, got [1]"),
    (["sample.variants={a: 1}"], "sample.variants: expected a list, got {'a': 1}"),
    (
        ["task.options.number_range.x=1"],
        "task.options.number_range.x: invalid literal for int() with base 10: 'x'",
    ),
    (
        ["evaluate.n_by_task={math500: 3}"],
        "evaluate.n_by_task.math500: not among the keys that this option sets; "
        "add it with '+evaluate.n_by_task={math500: 3}'",
    ),
    (
        ["evaluate.n_by_task={mat500: 3}"],
        "evaluate.n_by_task.mat500: no such task; did you mean evaluate.n_by_task.math500?",
    ),
    (["evaluate.n_by_task.x=3"], "evaluate.n_by_task.x: no such task; there are countdown, letter_countdown"),
    (["evaluate=paper34", "~evaluate.n_by_task.mat500"], "evaluate.n_by_task.mat500: nothing there to leave out"),
    (["~task=gsm8k"], "task: nothing there to leave out"),
    (["~evaluate.n=5"], "Could not delete from config. The value of 'evaluate.n' is 1 and not 5."),
    (["+experiment=smoke"], "experiment: there is a value to change already; leave out the +"),
    (["+sample=tiny"], "sample: there is a value to change already; leave out the +"),
    (["++task=gsm8k"], "task: there is a value to change already; leave out the +"),
    (["sample={m: 3}"], "sample.m: no such key; did you mean sample.n"),
    (["hydra.rn.dir=x"], "hydra.rn.dir: Hydra has no such key"),
    (
        ["trace.max_tokens=${sft.maxlength}"],
        "trace.max_tokens: Interpolation key 'sft.maxlength' not found; did you mean sft.max_length?",
    ),
    (
        ["task=gsm8k", "task.options.revision=abc", "sample.n=${oops}"],
        "task.options.revision: not among the keys that this option sets; add it with +task.options.revision=abc",
    ),
    (["run.name=${run.name}"], "run.name: Recursive interpolation detected"),
    (["task=gsm8k", "task.path=x"], "task.path: no such key; did you mean task.options.path or teacher.path?"),
    (["experimnt=smoke"], "experimnt: no such key; did you mean experiment?"),
    (["task.name=3", "foo=1"], "foo: no such key"),
    (["++task.name=null", "foo=1"], "foo: no such key"),
    (["task.name=[a]", "foo=1"], "foo: no such key"),
    (["task.name=[a]"], "task.name: expected str, got ['a']"),
    (["task.name=3", "task.options.x=1"], "task.name: no task '3'; there are countdown, "),
    (["experiment=[null]"], "experiment=[null]: None names no option; conf/experiment has ablation/"),
    (["experiment=[null]", "foo=1"], "experiment=[null]: None names no option; conf/experiment has ablation/"),
    (["~sft.betas.0"], "sft.betas.0: no item of a list can be left out; give the whole list, sft.betas=[…]"),
    (["~sft.lr", "~sft.betas.0"], "sft.betas.0: no item of a list can be left out"),
    (["model=${oc.env:SFRAY_NONE,tinny}"], "In 'config': Could not find 'model/tinny'; there are nano, olmo3_7b, "),
    (
        ["experiment/paper=countdown_1.5b"],
        "experiment/paper: not among the defaults of config.yaml; add it with +experiment/paper=countdown_1.5b",
    ),
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
    config = load(["sample.n=2", "run.name=mine", "steps=[questions,attempts]", "task.sft.count=32", "sft.lr=1e-5"])
    assert (config.sample.n, config.run.name, config.task.sft.count, config.sft.lr) == (2, "mine", 32, 1e-5)
    assert config.steps == ["questions", "attempts"]


def test_an_option_may_be_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFRAY_EXPERIMENT", "smoke")
    assert composed(["experiment=${oc.env:SFRAY_EXPERIMENT}"]) == composed(["experiment=smoke"])


def test_an_option_may_stand_in_a_folder_of_a_group() -> None:
    assert composed(["+experiment/ablation=no_order"])["run"]["name"] == "ablation_no_order"
    assert composed(["+experiment/paper=countdown_1.5b"])["task"]["name"] == "mixture"


def test_an_option_may_stand_on_the_search_path(tmp_path: Path) -> None:
    (tmp_path / "trace").mkdir()
    (tmp_path / "trace" / "mine.yaml").write_text("max_tokens: 77\n", encoding="utf-8")
    path = f"hydra.searchpath=[file://{tmp_path}]"
    assert composed([path, "trace=mine"])["trace"] == {"max_tokens": 77}
    with pytest.raises(ConfigError, match=r"^In 'config': Could not find 'trace/mien'; there are algorithm1, .*mine, "):
        composed([path, "trace=mien"])


def test_a_tree_may_be_named_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONF.parent)
    assert composed([], Path("conf")) == composed()


def test_a_tree_elsewhere_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^no config tree at {tmp_path}; "):
        composed([], tmp_path)


def test_every_wrong_override_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        composed(["sampel.n=1", "sample.n=2", "engine=gpus", "lr=1"])
    assert caught.value.problems == [
        "sampel.n: no such key; did you mean sample.n?",
        "engine=gpus: no such option; conf/engine has cpu, gpu; did you mean engine=gpu?",
        "lr: no such key; did you mean sft.lr or grpo.lr?",
    ]


FILES = [
    ("task/own.yaml", "name: countdown\nname: gsm8k\n", "{conf}/task/own.yaml, line 2: found duplicate key name"),
    ("task/own.yaml", "name: [a\n", "{conf}/task/own.yaml, line 2: expected ',' or ']', but got '<stream end>'"),
    ("task/own.yaml", "defaults: [countdwn]\n", "In 'task/own': Could not load 'task/countdwn'."),
    ("task/own.yaml", "name: ${run.nme}\n", "task.name: Interpolation key 'run.nme' not found; did you mean run.name?"),
    (
        "experiment/own.yaml",
        "# @package _global_\ndefaults: [override /model: tinny]\n",
        "In 'config': Could not find 'model/tinny'; there are nano, olmo3_7b, qwen2.5_1.5b, qwen2.5_7b, tiny",
    ),
    (
        "experiment/own.yaml",
        "# @package _global_\ndefaults: [override /modle: tiny]\n",
        "In 'experiment/own': Could not override 'modle'. No match in the defaults list.",
    ),
    (
        "experiment/own.yaml",
        "# @package _global_\ndefaults: [/model: tiny]\n",
        "model appears more than once in the final defaults list",
    ),
    (
        "experiment/own.yaml",
        "# @package _global_\ntask: {options: [1]}\n",
        "In 'experiment/own': ConfigTypeError raised while composing config: Cannot merge DictConfig with ListConfig",
    ),
    ("mine/own.yaml", "n: 1\n", "mine: not among the defaults of config.yaml; add it with +mine=own"),
]


@pytest.mark.parametrize(("file", "content", "line"), FILES, ids=lambda x: str(x)[:40])
def test_a_mistake_in_a_file_is_not_the_overrides(tmp_path: Path, file: str, content: str, line: str) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    (conf / file).parent.mkdir(exist_ok=True)
    (conf / file).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        composed([file.replace("/", "=").removesuffix(".yaml"), "sample.n=2"], conf)
    assert caught.value.problems == [line.format(conf=conf) if "{conf}" in line else line]


def test_sweeps_and_hydras_own_flags_are_left_to_hydra() -> None:
    check_overrides(["--multirun", "sample.temprature=1,2"])
    with pytest.raises(ConfigError, match=r"^sample\.temprature: no such key"):
        check_overrides(["sample.temprature=1"])
