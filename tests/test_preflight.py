"""Names that only a registry can tell."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from sfray.config import Config, ModelConfig, SampleConfig
from sfray.preflight import local, model_problems, preflight
from sfray.validation import ConfigError
from tests.models import folders


def test_preflight_names_every_wrong_key() -> None:
    config = Config()
    broken = dataclasses.replace(
        config,
        task=dataclasses.replace(config.task, name="countdwon"),
        trace=dataclasses.replace(config.trace, recipe="algoritm1"),
        evaluate=dataclasses.replace(config.evaluate, n_by_task={"maths": 4}),
    )
    with pytest.raises(ConfigError) as caught:
        preflight(broken)
    text = str(caught.value)
    assert "did you mean 'countdown'?" in text
    assert "algorithm1" in text
    assert "evaluate.n_by_task.maths: no task 'maths'; did you mean 'math500'?" in text


def test_a_check_imports_no_engine_and_nothing_else_that_is_slow() -> None:
    heavy = ["ray", "torch", "vllm", "transformers", "datasets", "numpy", "pyarrow", "scipy", "matplotlib"]
    code = f"import sys, sfray.cli, sfray.compose, sfray.preflight; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def odd(tmp_path):
    """A model whose template takes no system turn and whose temperature cannot be saved."""
    folder = folders.good(tmp_path / "model")
    folders.template(folder, "{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}")
    folders.put(folder / "generation_config.json", do_sample=False, temperature=0.9)
    return folder


def test_a_folders_faults_are_told_under_the_configs_key(odd, capsys):
    config = Config(model=ModelConfig(path=str(odd), context=2048))
    with pytest.raises(ConfigError) as caught:
        preflight(config)
    lines = [line.strip() for line in str(caught.value).splitlines() if "model.path: " in line]
    assert len(lines) == 2
    assert "model.path: " + str(odd / "config.json") + ": the model reads 1,024 tokens" in lines[0]
    assert "leaves the system turn out" in lines[1]


def test_only_what_the_stages_need_is_asked_of_a_model(odd, capsys):
    config = Config(model=ModelConfig(path=str(odd), context=1024))
    assert model_problems(config, ["questions", "quality", "report"]) == []
    assert capsys.readouterr().out == ""
    assert model_problems(config, ["sft"]) == []
    assert "trained models are saved without them" in " ".join(capsys.readouterr().out.split())
    assert len(model_problems(config, ["attempts"])) == 1
    plain = dataclasses.replace(config, sample=SampleConfig(variants=["plain"]))
    assert model_problems(plain, ["attempts"]) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [("tiny", False), ("Qwen/Qwen2.5-7B-Instruct", False), ("./gone", True), ("/gone", True), ("~/gone", True)],
)
def test_a_name_of_the_hub_is_no_folder(path, expected):
    assert local(path) is expected


def test_a_folder_that_is_gone_is_told_by_a_check(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.path: no folder .*gone"):
        preflight(Config(model=ModelConfig(path=str(tmp_path / "gone"))))
