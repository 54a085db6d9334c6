"""Runs without an engine: what is reused, what is made beside it, and the refusals before any engine starts."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from sfray import pipeline
from sfray.compose import load
from sfray.config import ClusterConfig, Config, ModelConfig, RunConfig
from sfray.config.validation import ConfigError, parse
from sfray.interchange.export import export
from sfray.interchange.skillfactory import import_run
from sfray.stages.evaluate import Evaluate
from sfray.store.artifact import ArtifactIncomplete
from sfray.store.folder import RunFolder
from sfray.store.locks import hold
from sfray.store.manifest import Manifest
from tests.interchange.rows import WRONG, row
from tests.traces.rows import write_tokenizer

SMALL = [f"task.{split}.count={n}" for split, n in (("sft", 4), ("rl", 16), ("eval", 4))]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(["steps=[questions]", *SMALL, f"run.dir={tmp_path}", "run.name=r"])


def changed(config: Config, **groups) -> Config:
    """The config with keys of groups replaced."""
    made = {g: dataclasses.replace(getattr(config, g), **v) if isinstance(v, dict) else v for g, v in groups.items()}
    return dataclasses.replace(config, **made)


def counted(folder: Path) -> dict[str, int]:
    """The counts of a finished step."""
    return Manifest.read(folder / "manifest.json").counts


def test_questions_are_made_once_and_then_reused(config, tmp_path, capsys):
    pipeline.run(config)
    manifest = tmp_path / "r" / "questions" / "manifest.json"
    first = manifest.read_bytes()
    assert counted(manifest.parent) == {"sft": 4, "rl": 16, "eval": 4}
    assert "made" in capsys.readouterr().out
    pipeline.run(config)
    assert manifest.read_bytes() == first
    printed = capsys.readouterr().out
    assert "reused" in printed
    assert "questions: done already" in printed


def test_a_step_is_a_link_to_an_artifact_that_runs_share(config, tmp_path):
    pipeline.run(config)
    pipeline.run(changed(config, run={"name": "other"}))
    places = {(tmp_path / name / "questions").resolve() for name in ("r", "other")}
    assert len(places) == 1
    assert next(iter(places)).parent == tmp_path / "artifacts" / "questions"


def test_a_changed_setting_makes_an_artifact_beside_the_old_one_and_says_which(config, tmp_path, capsys):
    pipeline.run(config)
    old = (tmp_path / "r" / "questions").resolve()
    other = changed(config, task=dataclasses.replace(config.task, sft=dataclasses.replace(config.task.sft, count=5)))
    capsys.readouterr()
    pipeline.run(other)
    assert "task.sft.count: 4 there, 5 now" in capsys.readouterr().out
    assert counted(tmp_path / "r" / "questions")["sft"] == 5
    assert counted(old)["sft"] == 4
    pipeline.run(config)  # and back
    assert (tmp_path / "r" / "questions").resolve() == old


def test_links_of_another_config_are_taken_away(config, tmp_path):
    pipeline.run(changed(config, steps=["base", "questions"]))
    assert {p.name for p in (tmp_path / "r").iterdir() if p.is_symlink()} == {"base", "questions"}
    pipeline.run(changed(config, steps=["base"], run={"seed": 1}))
    assert {p.name for p in (tmp_path / "r").iterdir() if p.is_symlink()} == {"base"}


def test_a_folder_of_runs_can_be_moved(config, tmp_path):
    pipeline.run(changed(config, run={"dir": str(tmp_path / "here")}))
    (tmp_path / "here").rename(tmp_path / "there")
    assert counted(tmp_path / "there" / "r" / "questions")["sft"] == 4


def test_an_artifact_that_another_run_makes_is_waited_for(config, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "_PATIENCE_SECONDS", 0.05)
    printed = ""
    with ThreadPoolExecutor(1) as pool:
        with hold(pipeline.Run.plan(config).artifacts["questions"].path):
            driver = pool.submit(pipeline.run, config)
            while "questions: waiting; " not in printed and not driver.done():
                printed += capsys.readouterr().out
                time.sleep(0.05)
            time.sleep(0.2)  # some more looks, of which nothing is said
            assert not driver.done()
        driver.result()
    assert (printed + capsys.readouterr().out).count("questions: waiting; ") == 1
    assert counted(tmp_path / "r" / "questions")["sft"] == 4


def test_evaluations_are_made_in_one_go_but_for_one_that_another_run_is_at(config, tmp_path, monkeypatch, capsys):
    gone: list[list[str]] = []

    def run_all(self, works):
        """Notes what is made together; the last comes first, as can happen."""
        gone.append([work.output.step for work in works])
        for place in reversed(range(len(works))):
            works[place].output.commit({"rows": place})
            yield place

    monkeypatch.setattr(Evaluate, "run_all", run_all)
    monkeypatch.setattr(pipeline, "_on_cluster", lambda step, config: None)
    monkeypatch.setattr(pipeline, "_PATIENCE_SECONDS", 0.05)
    method = {
        "base": {"stage": "pretrained"},
        "questions": {"stage": "questions"},
        **{
            f"eval_{n}": {"stage": "evaluate", "model": "base", "questions": "questions.eval", "n": n}
            for n in (1, 2, 3)
        },
    }
    this = dataclasses.replace(config, method=method, steps=[])
    with ThreadPoolExecutor(1) as pool:
        with hold(pipeline.Run.plan(this).artifacts["eval_2"].path):
            driver = pool.submit(pipeline.run, this)
            while not (tmp_path / "r" / "eval_1" / "manifest.json").exists() and not driver.done():
                time.sleep(0.01)
            time.sleep(0.2)
            assert not driver.done()
        driver.result()
    assert gone == [["eval_1", "eval_3"], ["eval_2"]]
    assert [counted(tmp_path / "r" / f"eval_{n}") for n in (1, 2, 3)] == [{"rows": 0}, {"rows": 0}, {"rows": 1}]
    printed = [re.split(" in | is ", line)[0] for line in capsys.readouterr().out.splitlines()]
    waited = f"eval_2: waiting; {pipeline.Run.plan(this).artifacts['eval_2'].path}: process {os.getpid()} on"
    told = [line for line in printed if re.match(r"eval_\d(, |:|$)", line)]
    assert told[:3] == ["eval_1, eval_3", "eval_3", "eval_1"]
    assert told[3].startswith(waited)
    assert told[4:] == ["eval_2", "eval_2"]
    pipeline.run(this)
    assert len(gone) == 2


def test_a_jobs_own_copy_of_the_code_is_warned_of_and_refused_on_several_nodes(config, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    monkeypatch.setattr(pipeline.cluster, "connect", lambda _: None)
    monkeypatch.setattr(pipeline.cluster, "nodes", lambda: [{"CPU": 2.0}] * 3)
    with pytest.raises(ConfigError, match="which no other node sees"):
        pipeline.run(changed(config, steps=["attempts"], run={"dir": "runs"}))
    assert capsys.readouterr().out.count("warning: run.dir: 'runs' is relative") == 1


def test_a_run_keeps_its_config(config, tmp_path):
    pipeline.run(config)
    assert parse(yaml.safe_load((tmp_path / "r" / "config.yaml").read_text())) == config


def test_an_input_that_lost_a_file_is_named_before_it_is_read(config, tmp_path):
    pipeline.run(config)
    questions = (tmp_path / "r" / "questions" / "sft.parquet").resolve()
    questions.write_bytes(questions.read_bytes()[:-4])
    with pytest.raises(ArtifactIncomplete, match=r"was finished, but now sft.parquet is cut short. Delete .*manifest"):
        pipeline.run(changed(config, steps=["attempts"]))


def test_summary_is_one_line():
    manifest = Manifest("sample", "f", {}, {}, {"rows": 1234}, {"truncated": 2, "structural_tag": 1}, {}, 75.2)
    said = "[green]attempts_2[/] in 1:15 min: 1,234 rows; 3 rejects"
    assert pipeline.summary("attempts_2", manifest) == said
    manifest.incidents = {"actors_restarted": 2, "shards_made_twice": 3, "nodes_lost": 1}
    assert pipeline.summary("attempts_2", manifest) == (f"{said}; 2 actors restarted, 3 shards made twice, 1 node lost")
    manifest.incidents, manifest.engine_use = {}, 0.834
    assert pipeline.summary("attempts_2", manifest) == f"{said}; engines 83% full"


def test_a_model_of_the_hub_is_tried_before_the_first_step(config, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    asked = changed(config, steps=["attempts"], model={"path": "no/such-model"})
    with pytest.raises(ConfigError, match=r"model\.path: neither a folder nor a model of the hub: 'no/such-model'"):
        pipeline.run(asked)
    assert not (tmp_path / "artifacts").exists()
    pipeline.run(changed(asked, steps=["questions"]))  # which needs no model


def test_a_folder_of_an_older_version_is_refused(config, tmp_path):
    pipeline.run(config)
    place = (tmp_path / "r" / "questions").resolve()
    (tmp_path / "r" / "questions").unlink()
    place.rename(tmp_path / "r" / "questions")
    with pytest.raises(ValueError, match=r"questions is not of this version of sfray; choose another run\.name"):
        pipeline.run(config)


def imported(tmp_path: Path) -> Config:
    """A config over an import."""
    (tmp_path / "raw.jsonl").write_text("\n".join(map(json.dumps, [row("(3 + 5) * 8"), row("3 + 5", False, (WRONG,))])))
    import_run(str(tmp_path / "raw.jsonl"), tmp_path / "run", "countdown", len)
    return dataclasses.replace(
        load(["steps=[traces]"]),
        run=RunConfig(name="run", dir=str(tmp_path)),
        model=ModelConfig(path=str(tmp_path / "model")),
        cluster=ClusterConfig(address="local", num_cpus=2, object_store_gib=0.1),
    )


def test_a_run_takes_what_was_imported_as_done(tmp_path):
    this = pipeline.Run.plan(imported(tmp_path))
    assert [n for n in ("questions", "attempts", "reflections", "traces") if this.artifacts[n].done] == [
        "questions",
        "attempts",
        "reflections",
    ]
    found = RunFolder(tmp_path / "run").imported()["attempts"].fingerprint
    assert this.artifacts["traces"].inputs["attempts"] == found


@pytest.mark.engine
def test_traces_of_an_import_can_be_exported(tmp_path):
    config = imported(tmp_path)
    write_tokenizer(tmp_path / "model")
    pipeline.run(config)
    assert counted(tmp_path / "run" / "traces")["traces"] == 1
    assert export(tmp_path / "run", "trl", tmp_path / "out") == {"traces": 1}
