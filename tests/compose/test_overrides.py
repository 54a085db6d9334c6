"""Overrides one by one: what is said about those that cannot be right in any config."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.errors import HydraException

from sfray.compose.overrides import groups, is_group, is_key, parsed, problems

CONF = Path(__file__).parents[2] / "conf"
MODELS = "conf/model has nano, olmo3_7b, qwen2.5_1.5b, qwen2.5_7b, tiny"


def found(text: str, *more: str) -> list[str]:
    """What is wrong with an override."""
    return list(problems(text, CONF, lambda: list(more)))


WRONG = [
    # what Hydra cannot read
    ("sample.n", "sample.n: cannot be read: no = in it; an override is key=value, in quotes where it holds spaces"),
    ("sample.n==3", "sample.n==3: cannot be read: extraneous input '='; quote what holds = , [ or spaces"),
    (
        "steps=[traces,",
        "steps=[traces,: cannot be read: no viable alternative at input '[traces,'; quote what holds = , [ or spaces",
    ),
    (
        "sample.variants[0]=plan",
        "sample.variants[0]=plan: cannot be read: a list's items are counted with dots, as in key.0=value",
    ),
    ("=3", "=3: no key before the ="),
    # sweeps
    (
        "sft.betas=0.9,0.95",
        "sft.betas=0.9,0.95: several values make a sweep, for launch.py -m; a list is sft.betas=[0.9,0.95]",
    ),
    ("sft.lr=choice(1,2)", "sft.lr=choice(1,2): several values make a sweep, for launch.py -m"),
    ("sample.n=range(1,3)", "sample.n=range(1,3): several values make a sweep, for launch.py -m"),
    ("task=gsm8k,countdown", "task=gsm8k,countdown: several values make a sweep, for launch.py -m"),
    # options of groups
    ("model=huge", f"model=huge: no such option; {MODELS}"),
    ("model=qwen2.5_1.5B", f"model=qwen2.5_1.5B: no such option; {MODELS}; did you mean model=qwen2.5_1.5b?"),
    (
        "model=Qwen/Qwen2.5-1.5B-Instruct",
        f"model=Qwen/Qwen2.5-1.5B-Instruct: no such option; {MODELS}; did you mean model=qwen2.5_1.5b?",
    ),
    ("+model=tinny", f"+model=tinny: no such option; {MODELS}; did you mean +model=tiny?"),
    ("model=", f"model=: no such option; {MODELS}"),
    ("model=null", f"model=null: no such option; {MODELS}"),
    ("model=5", f"model=5: no such option; {MODELS}"),
    ("model=[tiny,qwen2.5_7b]", f"model=[tiny,qwen2.5_7b]: one option is wanted; {MODELS}"),
    (
        "+experiment/paper=countdown_1.5",
        "+experiment/paper=countdown_1.5: no such option; conf/experiment/paper has budget_forcing, "
        "countdown_1.5b, countdown_7b, countdown_olmo3_7b, "
        "openthoughts_10k, openthoughts_1k; did you mean +experiment/paper=countdown_1.5b?",
    ),
    # keys
    ("+experiment/papr=countdown_1.5b", "experiment/papr: no such key"),
    ("sample/n=3", "sample/n: no such key; did you mean sample.n?"),
    ("sample.n.x=3", "sample.n.x: no such key; did you mean sample.n or sample?"),
    ("~sample.nn", "sample.nn: no such key; did you mean sample.n?"),
    ("+grpo.rolout.top_p=1", "grpo.rolout.top_p: no such key; did you mean grpo.rollout.top_p?"),
    ("GRPO.LR=1", "GRPO.LR: no such key; did you mean grpo.lr?"),
]


@pytest.mark.parametrize(("text", "line"), WRONG)
def test_what_is_wrong(text: str, line: str) -> None:
    assert found(text) == [line]


def test_an_experiment_is_found_without_its_folder() -> None:
    (line,) = found("experiment=countdown_1.5b")
    assert line.endswith("; did you mean experiment=paper/countdown_1.5b?")


@pytest.mark.parametrize(("value", "shown"), [("null", "None"), ("1", "1"), ("[a]", "['a']")])
def test_experiments_are_named_by_words(value: str, shown: str) -> None:
    (line,) = found(f"experiment=[smoke,{value}]")
    assert line.startswith(f"experiment=[smoke,{value}]: {shown} names no option; conf/experiment has ablation/")


def test_options_from_elsewhere_are_left_to_hydra() -> None:
    assert list(problems("trace=mine", CONF, list, elsewhere=True)) == []
    assert list(problems("model=[tiny,mine]", CONF, list, elsewhere=True)) == [
        f"model=[tiny,mine]: one option is wanted; {MODELS}"
    ]


def test_keys_beside_the_schema_are_asked_for_only_when_one_is_wrong() -> None:
    assert found("number_range=3", "task.options.number_range") == [
        "number_range: no such key; did you mean task.options.number_range?"
    ]

    def never() -> list[str]:
        raise AssertionError

    assert list(problems("sample.n=3", CONF, never)) == []


@pytest.mark.parametrize(
    "text",
    [
        "sample.n=3",
        "+sample.n=3",
        "++sample.n=3",
        "~sample.n",
        "sample={n: 3}",
        "~sample",
        "sample=tiny",
        "sample=tiny.yaml",
        "experiment=paper/countdown_1.5b",
        "experiment=[quickstart,smoke]",
        "experiment=${oc.env:E,smoke}",
        "experiment=paper/${oc.env:E}",
        "model=${oc.env:M,tiny}",
        "+experiment/ablation=no_order",
        "+experiment/paper=countdown_1.5b",
        "+experiment/paper=[countdown_1.5b,countdown_7b]",
        "sample.variants.0=plan",
        "task.options.parts.0.name=gsm8k",
        "+engine.extra.anything.at.all=1",
        "hydra.run.dir=x",
        "hydra/job_logging=default",
        "model@other=tiny",
        "steps=[traces,sft]",
    ],
)
def test_what_is_left_to_hydra_and_to_the_schema(text: str) -> None:
    assert found(text) == []


def test_groups_and_keys() -> None:
    assert {"model", "experiment"} < set(groups(CONF))
    assert [k for k in ("sample", "sft.betas.0", "task.options.x", "x", "sample.x", "hydra.x") if is_key(k)] == [
        "sample",
        "sft.betas.0",
        "task.options.x",
        "hydra.x",
    ]


@pytest.mark.parametrize("key", ["", ".", "..", "/", "/tmp", "config.yaml", "experiment/smoke", "x" * 300, "\0"])
def test_what_is_no_folder_of_the_tree_is_no_group(key: str) -> None:
    assert not is_group(key, CONF)
    assert is_group("model", CONF)
    assert is_group("experiment/paper", CONF)


def test_what_is_no_override_cannot_be_parsed() -> None:
    assert parsed("a.b=[1]").key_or_group == "a.b"
    with pytest.raises(HydraException):
        parsed("a.b")
