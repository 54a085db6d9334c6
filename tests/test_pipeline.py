"""What depends on what: fingerprints, inputs, and the refusals before any engine starts."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from sfray import pipeline
from sfray.config import STAGES, ClusterConfig, Config, ModelConfig, RunConfig, SplitConfig, TaskConfig
from sfray.store import Manifest, StageConflict
from sfray.validation import ConfigError, parse


@pytest.fixture
def config(tmp_path) -> Config:
    return Config(
        stages=["questions"],
        run=RunConfig(name="r", dir=str(tmp_path)),
        model=ModelConfig(context=32768),
        task=TaskConfig(sft=SplitConfig(["3"], 4), rl=SplitConfig(["3"], 4), eval=SplitConfig(["3", "4"], 4)),
    )


def changed(config: Config, **groups) -> set[str]:
    """Stages whose fingerprint differs once keys of groups are replaced."""
    other = dataclasses.replace(
        config,
        **{g: dataclasses.replace(getattr(config, g), **v) if isinstance(v, dict) else v for g, v in groups.items()},
    )
    before, after = pipeline.stages(config), pipeline.stages(other)
    return {name for name in STAGES if before[name].fingerprint != after[name].fingerprint}


def test_every_stage_has_a_spec_in_order():
    assert tuple(pipeline.SPECS) == STAGES


def test_a_change_reaches_the_stages_downstream_and_no_other(config):
    assert changed(config, trace={"recipe": "uniform"}) == {"quality", "traces", "sft", "grpo", "evaluate"}
    assert changed(config, sft={"lr": 1.0}) == {"sft", "grpo", "evaluate"}
    assert changed(config, evaluate={"n": 1}) == {"evaluate"}
    assert changed(config, grpo={"steps": 1}) == {"grpo", "evaluate"}
    assert changed(config, sample={"n": 1}) == {
        "attempts",
        "reflections",
        "quality",
        "traces",
        "sft",
        "grpo",
        "evaluate",
    }
    assert changed(config, run={"seed": 1}) == set(STAGES) - {"report"}


def test_machines_change_nothing(config):
    assert changed(config, engine={"actors": 7, "threads": 3}) == set()
    assert changed(config, cluster=ClusterConfig(address="local", num_cpus=99)) == set()
    assert changed(config, trace={"builders": 3}) == set()
    assert changed(config, sft={"max_failures": 9}, grpo={"timeout_minutes": 1.0}) == set()


def test_a_longer_evaluation_costs_no_new_attempts(config):
    longer = dataclasses.replace(config.task, eval=SplitConfig(["3", "4"], 400))
    assert changed(config, task=longer) == {"questions", "evaluate"}


def test_inputs_follow_the_config(config):
    assert pipeline.inputs_of("grpo", config) == ("questions", "sft")
    assert pipeline.inputs_of("evaluate", config) == ("questions", "sft", "grpo")
    rl_only = dataclasses.replace(
        config,
        grpo=dataclasses.replace(config.grpo, init="base"),
        evaluate=dataclasses.replace(config.evaluate, models=["base", "grpo"]),
    )
    assert pipeline.inputs_of("grpo", rl_only) == ("questions",)
    assert pipeline.inputs_of("evaluate", rl_only) == ("questions", "grpo")


def test_questions_run_once_and_are_then_skipped(config, tmp_path, capsys):
    pipeline.run(config)
    manifest = tmp_path / "r" / "questions" / "manifest.json"
    first = manifest.read_bytes()
    assert Manifest.read(manifest).counts == {"sft": 4, "rl": 4, "eval": 4}
    pipeline.run(config)
    assert manifest.read_bytes() == first
    assert "questions: done already" in capsys.readouterr().out


def test_another_config_is_refused_with_the_difference_until_overwritten(config):
    pipeline.run(config)
    other = dataclasses.replace(config, task=dataclasses.replace(config.task, sft=SplitConfig(["3"], 5)))
    with pytest.raises(StageConflict, match=r"task\.sft\.count: 4 there, 5 now"):
        pipeline.run(other)
    pipeline.run(dataclasses.replace(other, run=dataclasses.replace(other.run, overwrite=["questions"])))
    assert pipeline.stages(other)["questions"].manifest.counts["sft"] == 5


def test_a_missing_input_is_named(config):
    with pytest.raises(pipeline.MissingInput, match=r"stage 'traces' needs 'questions', which is not done"):
        pipeline.run(dataclasses.replace(config, stages=["traces"]))


def test_a_missing_input_is_found_before_any_stage_runs(config, tmp_path):
    stages = ["questions", "attempts", "sft"]
    with pytest.raises(pipeline.MissingInput, match=r"stage 'sft' needs 'traces', which is not done"):
        pipeline.run(dataclasses.replace(config, stages=stages))
    assert not (tmp_path / "r" / "questions").exists()


def test_a_jobs_own_copy_of_the_code_is_warned_of_and_refused_on_several_nodes(config, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    monkeypatch.setattr(pipeline.cluster, "connect", lambda _: None)
    monkeypatch.setattr(pipeline.cluster, "nodes", lambda: 3)
    relative = dataclasses.replace(config.run, dir="runs")
    with pytest.raises(ConfigError, match="which no other node sees"):
        pipeline.run(dataclasses.replace(config, stages=["questions", "attempts"], run=relative))
    assert capsys.readouterr().out.count("warning: run.dir: 'runs' is relative") == 1


def test_a_report_has_the_config_of_the_run_and_not_its_own(config, tmp_path):
    pipeline.run(config)
    kept = (tmp_path / "r" / "config.yaml").read_text()
    assert parse(yaml.safe_load(kept)) == config
    pipeline.report(tmp_path / "r")
    assert "context: 32768" in (tmp_path / "r" / "report" / "report.html").read_text()
    assert (tmp_path / "r" / "config.yaml").read_text() == kept


def test_questions_of_another_split_size_are_refused_only_by_who_reads_it(config):
    pipeline.run(config)
    more = dataclasses.replace(
        config, stages=["attempts"], task=dataclasses.replace(config.task, sft=SplitConfig(["3"], 9))
    )
    with pytest.raises(StageConflict, match=r"task\.sft\.count: 4 there, 9 now"):
        pipeline.run(more)
    other = dataclasses.replace(config, task=dataclasses.replace(config.task, rl=SplitConfig(["3"], 9)))
    assert pipeline._serves(pipeline.stages(other)["questions"], pipeline.SPECS["attempts"])
    assert not pipeline._serves(pipeline.stages(other)["questions"], pipeline.SPECS["grpo"])


def test_summary_is_one_line():
    manifest = Manifest("attempts", "f", {}, {}, {"rows": 1234}, {"truncated": 2, "structural_tag": 1}, {}, 75.2)
    assert pipeline.summary(manifest) == "[green]attempts[/] in 1:15 min: 1,234 rows; 3 rejects"


def test_a_model_of_the_hub_is_tried_before_the_first_stage(config, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    asked = dataclasses.replace(
        config, stages=["questions", "attempts"], model=ModelConfig(path="no/such-model", context=32768)
    )
    with pytest.raises(ConfigError, match=r"model\.path: neither a folder nor a model of the hub: 'no/such-model'"):
        pipeline.run(asked)
    assert not pipeline.stages(asked)["questions"].done
    pipeline.run(dataclasses.replace(asked, stages=["questions"]))  # which needs no model
