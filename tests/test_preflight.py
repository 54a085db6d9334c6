"""Names that only a registry can tell."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from sfray.compose import load
from sfray.config import Config, ModelConfig
from sfray.config.validation import ConfigError
from sfray.graph import build
from sfray.preflight import local, model_problems, preflight
from tests.models import folders


def test_preflight_names_every_wrong_key() -> None:
    config = load()
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


def with_model(path, context: int = 1024, *overrides: str) -> Config:
    """The default method over a model of one's own."""
    return dataclasses.replace(load(list(overrides)), model=ModelConfig(path=str(path), context=context))


def test_a_folders_faults_are_told_under_the_configs_key(odd, capsys):
    config = with_model(odd, 2048)
    with pytest.raises(ConfigError) as caught:
        preflight(config)
    lines = [line.strip() for line in str(caught.value).splitlines() if "model.path: " in line]
    assert len(lines) == 2
    assert "model.path: " + str(odd / "config.json") + ": the model reads 1,024 tokens" in lines[0]
    assert "leaves the system turn out" in lines[1]


def faults(config: Config, *names: str) -> list[str]:
    """What is wrong with the model for some steps."""
    steps = build(config)
    return model_problems(config, [steps[name] for name in names])


def test_only_what_the_steps_need_is_asked_of_a_model(odd, capsys):
    config = with_model(odd)
    assert faults(config, "questions", "quality", "results") == []
    assert capsys.readouterr().out == ""
    assert faults(config, "sft") == []
    assert "trained models are saved without them" in " ".join(capsys.readouterr().out.split())
    assert len(faults(config, "attempts")) == 1
    assert faults(with_model(odd, 1024, "sample.variants=[plain]"), "attempts") == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [("tiny", False), ("Qwen/Qwen2.5-7B-Instruct", False), ("./gone", True), ("/gone", True), ("~/gone", True)],
)
def test_a_name_of_the_hub_is_no_folder(path, expected):
    assert local(path) is expected


def test_a_folder_that_is_gone_is_told_by_a_check(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.path: no folder .*gone"):
        preflight(with_model(tmp_path / "gone"))


def test_an_adapter_for_a_module_that_the_model_lacks_is_told_by_a_check():
    chosen = ["sft.lora.rank=4", "sft.lora.target_modules=[q_prj,v_proj]"]
    with pytest.raises(ConfigError) as caught:
        preflight(load(chosen))
    (problem,) = caught.value.problems
    assert problem.startswith("sft.lora.target_modules[0]: ")
    assert problem.endswith("has no module 'q_prj'; did you mean 'q_proj'?")
    assert "sft" in preflight(load([chosen[0]]))
    assert preflight(load([*chosen, "steps=[traces]"]))  # no step of these trains


def test_a_loss_in_pieces_that_is_not_the_models_is_told_by_a_check(tmp_path):
    folder = folders.good(tmp_path / "model")
    stored = json.loads((folder / "config.json").read_text())
    folders.put(folder / "config.json", **stored, final_logit_softcapping=30.0)
    with pytest.raises(ConfigError) as caught:
        preflight(with_model(folder, 1024, "sft.logits_gib=1"))
    (problem,) = caught.value.problems
    assert problem.startswith("sft.logits_gib: ")
    assert "(final_logit_softcapping)" in problem
    assert "sft" in preflight(with_model(folder, 1024, "sft.logits_gib=0"))
