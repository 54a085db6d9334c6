"""A model that exists already, known by its content."""

from __future__ import annotations

from pathlib import Path

from sfray.artifacts import Model
from sfray.config import ModelConfig
from sfray.config.settings import PretrainedSettings
from sfray.io.userfiles import model_digest
from sfray.models import TINY
from sfray.stages.pretrained import Inputs, Pretrained
from sfray.store.artifact import Artifact


def test_it_names_the_model_as_any_node_can_resolve_it(tmp_path: Path) -> None:
    for path, source in (("tiny", "tiny"), (str(tmp_path), str(tmp_path)), ("some/hub-model", "some/hub-model")):
        output = Artifact(tmp_path / source.replace("/", "_"), "pretrained", {}, {})
        output.open()
        Pretrained().run(PretrainedSettings(ModelConfig(path=path)), Inputs(), output)
        assert Model(output.path).source == source


def test_the_embedded_model_counts_by_its_content() -> None:
    identity = Pretrained().identity(PretrainedSettings(ModelConfig()))
    assert identity["content"] == model_digest(TINY)
    assert "content" not in Pretrained().identity(PretrainedSettings(ModelConfig(path="some/hub-model")))
