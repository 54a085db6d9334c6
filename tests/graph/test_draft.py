"""From a method's YAML to steps: order, fingerprints, and what is refused with its full key."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml

from sfray import graph
from sfray.artifacts import Kind, Model, Traces
from sfray.compose import CONF, load
from sfray.config import Config
from sfray.config.marks import AT_LEAST_ONE, OneOf
from sfray.config.validation import ConfigError, keys, lookup, parse
from sfray.stages import STAGES
from sfray.stages import load as stage
from sfray.stages.stage import Stage, declared_inputs
from sfray.store.artifact import Artifact

METHODS = sorted(p.stem for p in (CONF / "method").glob("*.yaml"))
AFTER = {
    "questions": {"questions", "attempts", "reflections", "quality", "traces", "sft", "grpo"}
    | {"eval_base", "eval_sft", "eval_grpo", "results"},
    "attempts": {"attempts", "reflections", "quality", "traces", "sft", "grpo", "eval_sft", "eval_grpo", "results"},
    "reflections": {"reflections", "quality", "traces", "sft", "grpo", "eval_sft", "eval_grpo", "results"},
    "traces": {"traces", "sft", "grpo", "eval_sft", "eval_grpo", "results"},
    "sft": {"sft", "grpo", "eval_sft", "eval_grpo", "results"},
    "grpo": {"grpo", "eval_grpo", "results"},
}
"""A step and all that read it, directly or not."""
EVALUATIONS = {"eval_base", "eval_sft", "eval_grpo", "results"}
EVERYTHING = AFTER["questions"] | {"base"}


@pytest.fixture
def method() -> dict[str, Any]:
    """SkillFactory's steps."""
    return load(["method=skillfactory"]).method


def config(raw: dict[str, Any], method: dict[str, Any], **changes: Any) -> Config:
    """A valid config with a method, and with keys set, their dots written as ``__``."""
    made = raw | {"method": method}
    for key, value in changes.items():
        *groups, last = key.split("__")
        group = made
        for name in groups:
            group[name] = dict(group.get(name, {}))
            group = group[name]
        group[last] = value
    return parse(made)


def fingerprints(config: Config) -> dict[str, str]:
    """Step -> fingerprint of its artifact."""
    steps = graph.build(config).items()
    return {name: Artifact(Path(), s.kind, s.identity, s.given).fingerprint for name, s in steps}


def differing(one: Config, other: Config) -> set[str]:
    """The steps whose artifact differs between two configs."""
    before, after = fingerprints(one), fingerprints(other)
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("engine__actors", 3, set()),
        ("engine__deterministic", True, set()),
        ("cluster__address", "local", set()),
        ("trace__builders", 3, set()),
        ("grpo__keep", 5, set()),
        ("sft__save_every", 7, set()),
        ("steps", ["traces"], set()),
        ("run__name", "other", set()),
        ("run__dir", "elsewhere", set()),
        ("report__entries", 3, set()),
        ("run__seed", 1, AFTER["questions"]),
        ("run__shard_questions", 8, AFTER["questions"]),
        ("task__sft__count", 300, {"questions"} | AFTER["attempts"]),
        ("task__rl__count", 300, {"questions"} | AFTER["grpo"]),
        ("task__eval__count", 300, {"questions"} | AFTER["grpo"] | EVALUATIONS),
        ("model__dtype", "bfloat16", EVERYTHING - {"questions"}),
        ("sample__temperature", 0.8, AFTER["attempts"]),
        ("reflect__n", 3, AFTER["reflections"]),
        ("quality__min_accuracy", 0.1, {"quality"}),
        ("trace__l_max", 3, AFTER["reflections"]),
        ("trace__max_per_question", 3, {"quality"} | AFTER["traces"]),
        ("quality__probe", 0.5, AFTER["reflections"]),
        ("sft__lr", 2e-6, {"quality"} | AFTER["sft"]),
        ("grpo__lr", 2e-6, AFTER["grpo"]),
        ("evaluate__n", 3, EVALUATIONS),
        ("results__confidence", 0.9, {"quality", "results"}),
    ],
)
def test_what_depends_on_a_key(raw: dict, method: dict, key: str, value: object, wanted: set[str]) -> None:
    assert differing(config(raw, method), config(raw, method, **{key: value})) == wanted


def test_every_key_is_given_to_a_stage_or_changes_nothing() -> None:
    given = {f.name for name in STAGES for f in dataclasses.fields(stage("stage", name).settings)}
    groups = {f.name for f in dataclasses.fields(Config)}
    assert groups - given == {"steps", "method", "report", "deploy"}
    assert given <= groups


def test_prompts_count_by_what_they_say(raw: dict, method: dict, tmp_path: Path) -> None:
    default = Path(__file__).parents[2] / "sfray" / "prompts" / "default.yaml"
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_bytes(default.read_bytes())
    other.write_bytes(default.read_bytes() + b"\n# more\n")
    base = config(raw, method)
    assert differing(base, config(raw, method, prompts=str(same))) == set()
    assert differing(base, config(raw, method, prompts=str(other))) == EVERYTHING - {"base", "questions"}


@pytest.mark.parametrize("kind", ["file", "folder", "mapping"])
def test_local_data_counts_by_what_it_holds(raw: dict, method: dict, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "data" / "gsm[1].jsonl"
    file.parent.mkdir()
    file.write_text('{"question": "1+1?", "answer": "#### 2"}')
    path = {"file": str(file), "folder": str(file.parent), "mapping": {"train": str(file)}}[kind]
    splits = {"splits": dict.fromkeys(("sft", "rl", "eval"), "train")}
    levels = {split: {"levels": ["-"], "count": 256} for split in ("sft", "rl", "eval")}
    base = config(raw, method, task={"name": "gsm8k", "options": {"path": path} | splits, **levels})
    before = fingerprints(base)
    (file.parent / ".gsm.jsonl.swp").write_text("an editor's")
    assert fingerprints(base) == before
    file.write_text('{"question": "1+1?", "answer": "#### 777"}')
    after = fingerprints(base)
    assert {name for name in before if before[name] != after[name]} == AFTER["questions"]


def test_a_local_model_counts_by_what_it_holds(raw: dict, method: dict, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "model" / name).write_text("{}")
    base = config(raw, method, model__path=str(tmp_path / "model"))
    before = fingerprints(base)
    (tmp_path / "model" / "model.safetensors").write_text("other")
    after = fingerprints(base)
    assert {name for name in before if before[name] != after[name]} == EVERYTHING - {"questions"}


def test_a_steps_own_settings_are_its_alone(raw: dict, method: dict) -> None:
    base = config(raw, method)
    own = method | {"eval_grpo": method["eval_grpo"] | {"temperature": 0.25}}
    other = config(raw, own)
    assert differing(base, other) == {"eval_grpo", "results"}
    steps = graph.build(other)
    assert steps["eval_grpo"].settings.evaluate.temperature == 0.25
    assert steps["eval_base"].settings.evaluate.temperature == 0.7


def test_methods_share_what_is_the_same() -> None:
    made = {name: fingerprints(load([f"method={name}"])) for name in ("skillfactory", "rl_only", "star", "sft_only")}
    shared = ("base", "questions", "eval_base")
    assert all({m[step] for m in made.values()} == {made["star"][step]} for step in shared)
    assert made["star"]["attempts_1"] == made["skillfactory"]["attempts"] == made["sft_only"]["attempts"]
    assert made["star"]["sft_1"] == made["sft_only"]["sft"] != made["skillfactory"]["sft"]
    assert len({m["grpo"] for m in made.values()}) == 4


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_in_order_and_reads_what_it_names(name: str) -> None:
    teacher = ["teacher.url=http://localhost:8000/v1", "teacher.model=teacher"]
    steps = graph.build(load([f"method={name}", *teacher]))
    order = list(steps)
    for step in steps.values():
        assert all(order.index(needed) < order.index(step.name) for needed in step.needs)
        assert set(step.inputs) <= {declared.name for declared in declared_inputs(type(step.stage))}


def test_the_methods_order_is_kept_where_nothing_forbids_it() -> None:
    assert list(graph.build(load(["method=skillfactory"]))) == [
        "base", "questions", "attempts", "reflections", "quality", "traces", "sft", "eval_sft", "grpo", "eval_base",
        "eval_grpo", "results",
    ]  # fmt: skip


def test_steps_bring_what_they_need() -> None:
    steps = graph.build(load())
    assert graph.chosen(steps, []) == list(steps)
    assert graph.chosen(steps, ["eval_base"]) == ["base", "questions", "eval_base"]
    assert graph.chosen(steps, ["sft"]) == ["base", "questions", "attempts", "reflections", "traces", "sft"]
    with pytest.raises(ConfigError, match=r"^steps\[1\]: no step 'trases'; did you mean 'traces'\?$"):
        graph.chosen(steps, ["sft", "trases"])


def test_an_import_counts_by_its_own_fingerprint(raw: dict, method: dict) -> None:
    imported = graph.build(config(raw, method), {"attempts": "abc"})
    assert imported["reflections"].given["attempts"] == "abc"
    again = graph.build(config(raw, method, sample__n=3), {"attempts": "abc"})
    assert again["traces"].given == imported["traces"].given


WRONG = [
    ({"grpo": {"model": "traces"}}, "method.grpo.model: 'traces' makes Traces, not Model, as base or sft"),
    ({"grpo": {"model": "sfft"}}, "method.grpo.model: no step 'sfft'; did you mean 'sft'?"),
    ({"grpo": {"model": 3}}, "method.grpo.model: expected the name of a step, got 3"),
    ({"sft": {"model": None}}, "method.sft.model: must be given: a step that makes Model, as base or grpo"),
    ({"sft": {"lrr": 1}}, "method.sft.lrr: neither an input nor a setting of the stage sft; did you mean 'lr'?"),
    ({"sft": {"lr": "fast"}}, "method.sft.lr: expected float, got 'fast'"),
    ({"sft": {"lr": -1.0}}, "method.sft.lr: -1.0 must be above 0"),
    ({"sft": {"stage": "sftt"}}, "method.sft.stage: no stage 'sftt'; did you mean 'sft'?; there are pretrained, "),
    ({"sft": {"stage": None}}, "method.sft.stage: no stage 'None'"),
    ({"sft": {"stage": "nowhere.at_all:Stage"}}, "method.sft.stage: "),
    (
        {"attempts": {"questions": "questions"}},
        "method.attempts.questions: 'questions' must be one of questions.sft, questions.rl, questions.eval",
    ),
    ({"traces": {"attempts": "attempts.sft"}}, "method.traces.attempts: 'attempts.sft' must be attempts"),
    ({"results": {"models": "grpo"}}, "method.results.models: expected labels and the step of each, as "),
    ({"results": {"models": {"base": "grpo"}}}, "method.results.models.base: 'grpo' makes Model, not Responses, as "),
    ({"sft": {"model": "grpo"}}, "method: the steps sft -> grpo -> sft need each other"),
    ({"a-b": {"stage": "pretrained"}}, "method.a-b: a step's name is made of letters, digits and _"),
    ({"late": {"model": "sft"}}, "method.late.stage: must be given; there are pretrained, "),
]


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=lambda x: str(x)[:50])
def test_what_is_wrong_is_named_by_its_key(raw: dict, method: dict, changes: dict, message: str) -> None:
    changed = method | {name: method.get(name, {}) | step for name, step in changes.items()}
    with pytest.raises(ConfigError) as caught:
        graph.build(config(raw, changed))
    assert any(line.startswith(message) for line in caught.value.problems), caught.value.problems


def test_all_that_is_wrong_is_said_at_once(raw: dict, method: dict) -> None:
    changed = method | {"sft": method["sft"] | {"model": "trace"}, "grpo": method["grpo"] | {"stage": "x"}}
    with pytest.raises(ConfigError) as caught:
        graph.build(config(raw, changed))
    assert [line.partition(":")[0] for line in caught.value.problems] == ["method.grpo.stage", "method.sft.model"]


def test_no_method_is_an_error(raw: dict) -> None:
    with pytest.raises(ConfigError, match=r"^method: no steps; choose a method, as in method=skillfactory$"):
        graph.build(parse(raw))


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_what_it_is(name: str) -> None:
    made = stage("stage", name)
    assert isinstance(made, Stage)
    assert made.__doc__
    assert issubclass(made.output, Kind)
    if made.group:
        assert dataclasses.is_dataclass(lookup(Config(), made.group))
    own = [f.name for f in dataclasses.fields(lookup(Config(), made.group))] if made.group else []
    assert not set(own) & {declared.name for declared in declared_inputs(type(made))}
    assert made.output is Model or not made.trains


def test_a_stage_may_come_from_outside(raw: dict, method: dict) -> None:
    steps = graph.build(config(raw, method | {"mine": {"stage": f"{__name__}:Shorten", "traces": "traces", "most": 3}}))
    assert steps["mine"].stage.output is Traces
    assert steps["mine"].kind == f"{__name__}:Shorten"
    assert set(keys()) >= {"method", "steps"}


def shortened(raw: dict, method: dict, **own: Any) -> Config:
    """A config whose method has a step of a stage from outside."""
    return config(raw, method | {"mine": {"stage": f"{__name__}:Shorten", "traces": "traces", "most": 9} | own})


def test_a_stage_from_outside_has_settings_of_its_own(raw: dict, method: dict) -> None:
    settings = graph.build(shortened(raw, method))["mine"].settings
    assert (settings.most, settings.order) == (9, "first")
    assert settings.run.seed == 0
    settings = graph.build(shortened(raw, method, most=3, order="last"))["mine"].settings
    assert (settings.most, settings.order) == (3, "last")


def test_a_setting_of_a_stages_own_is_part_of_the_fingerprint(raw: dict, method: dict) -> None:
    assert differing(shortened(raw, method), shortened(raw, method, most=3)) == {"mine"}


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ({"most": "few"}, "method.mine.most: expected int, got 'few'"),
        ({"most": 0}, "method.mine.most: 0 must be at least 1"),
        ({"order": "lst"}, "method.mine.order: 'lst' is not one of first, last; did you mean 'last'?"),
        ({"most": 100}, "method.mine.most: 100 is more than this stage can do"),
        (
            {"mots": 3},
            f"method.mine.mots: neither an input nor a setting of the stage {__name__}:Shorten; did you mean 'most'?",
        ),
    ],
    ids=str,
)
def test_a_wrong_setting_of_a_stages_own_is_named_by_its_key(raw: dict, method: dict, own: dict, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        graph.build(shortened(raw, method, **own))
    assert caught.value.problems == [problem]


def test_a_setting_without_a_default_must_be_given(raw: dict, method: dict) -> None:
    changed = method | {"mine": {"stage": f"{__name__}:Shorten", "traces": "traces"}}
    with pytest.raises(ConfigError) as caught:
        graph.build(config(raw, changed))
    assert caught.value.problems == ["method.mine.most: must be given"]


def test_a_steps_prompts_need_no_variants_of_other_steps(raw: dict, method: dict, tmp_path: Path) -> None:
    default = Path(__file__).parents[2] / "sfray" / "prompts" / "default.yaml"
    words = yaml.safe_load(default.read_text())
    words["solve"] = {"mine": words["solve"]["plain"]}
    (tmp_path / "words.yaml").write_text(yaml.safe_dump(words))
    own = {"prompts": str(tmp_path / "words.yaml")}
    steps = graph.build(config(raw, method | {"reflections": method["reflections"] | own}))
    assert steps["reflections"].settings.prompts == own["prompts"]
    with pytest.raises(ConfigError, match=r"^method\.attempts: sample\.variants\[0\]: no variant 'plain'"):
        graph.build(config(raw, method | {"attempts": method["attempts"] | own}))


@dataclasses.dataclass(frozen=True)
class ShortenSettings:
    """The seed, and what only this stage has."""

    run: Any
    most: Annotated[int, AT_LEAST_ONE]
    order: Annotated[str, OneOf(("first", "last"))] = "first"


@dataclasses.dataclass(frozen=True)
class ShortenInputs:
    """Traces."""

    traces: Traces


class Shorten(Stage[ShortenSettings, ShortenInputs]):
    """A stage of somebody else's."""

    settings = ShortenSettings
    inputs = ShortenInputs
    output = Traces

    def problems(self, settings: ShortenSettings) -> Iterator[str]:
        """A rule between settings, say."""
        if settings.most > 99:
            yield f"most: {settings.most} is more than this stage can do"

    def run(self, settings: ShortenSettings, inputs: ShortenInputs, output: Artifact) -> None:
        """Does nothing."""


def groups(config: Config, *done: str) -> list[list[str]]:
    """The steps that are made in one go, by name."""
    steps = graph.build(config)
    found = graph.together([step for name, step in steps.items() if name not in done])
    return [[step.name for step in group] for group in found if len(group) > 1]


def test_evaluations_that_follow_each_other_are_made_in_one_go() -> None:
    config = load(["method=skillfactory"])
    assert groups(config) == [["eval_base", "eval_grpo"]]
    # What is there already parts no neighbours.
    assert groups(config, "grpo") == [["eval_sft", "eval_base", "eval_grpo"]]
    assert groups(config, "grpo", "eval_base") == [["eval_sft", "eval_grpo"]]
    assert groups(load(["method=rl_only"])) == [["eval_base", "eval_grpo"]]
    assert groups(load(["method=headline_controls"])) == [
        ["eval_sft", "eval_skillfactory"],
        ["eval_sft_no_order", "eval_no_order"],
        ["eval_sft_shuffled_verdicts", "eval_shuffled_verdicts"],
    ]
