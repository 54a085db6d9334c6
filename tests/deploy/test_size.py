"""The size of a model, told without downloading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfray.compose import load
from sfray.config.validation import ConfigError
from sfray.deploy.size import parameters
from sfray.models import TINY
from sfray.models.weights import parameters as stored


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("Qwen/Qwen2.5-1.5B-Instruct", 1.65),
        ("Qwen/Qwen2.5-7B-Instruct", 7.7),
        ("allenai/Olmo-3-7B-Instruct-SFT", 7.7),
        ("lab/Model-32b", 35.2),
    ],
)
def test_a_name_tells_it_with_room(name: str, billions: float) -> None:
    assert parameters(load([f"model.path={name}"])) == round(billions * 1e9)


def test_a_folder_is_asked_for_its_weights() -> None:
    assert parameters(load()) == stored(TINY) == parameters(load([f"model.path={TINY}"]))


def test_what_is_given_wins() -> None:
    assert parameters(load(["deploy.parameters_billion=0.25", "model.path=lab/some-7B"])) == 250_000_000


@pytest.mark.parametrize("name", ["lab/some-model", "lab/v1.5b2", "lab/7Bit"])
def test_a_name_that_does_not_tell_it_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^deploy\.parameters_billion: must be given: "):
        parameters(load([f"model.path={name}"]))


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^model\.path: .*: no weights .*; or give deploy\.parameters_billion$"):
        parameters(load([f"model.path={tmp_path}"]))
