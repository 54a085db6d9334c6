"""Generation configs that transformers would load but not save."""

from __future__ import annotations

import pytest
from transformers import GenerationConfig

from sfray.models import ModelError, load_generation_config
from sfray.models.generation import dropped, first_line, make_savable
from tests.models.folders import put


def test_what_can_be_saved_is_left_alone():
    config = GenerationConfig(do_sample=True, temperature=0.3, top_k=5, eos_token_id=[1, 2])
    before = config.to_dict()
    assert make_savable(config) == []
    assert config.to_dict() == before


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"do_sample": False, "temperature": 0.9, "top_p": 0.6}, ["temperature", "top_p"]),
        ({"do_sample": False, "top_k": 7, "eos_token_id": 3}, ["top_k"]),
        ({"num_beams": 1, "length_penalty": 2.0}, ["length_penalty"]),
    ],
)
def test_settings_that_nothing_reads_are_dropped(tmp_path, settings, names):
    config = GenerationConfig(**settings)
    with pytest.raises(ValueError, match="invalid"):
        config.save_pretrained(tmp_path)
    assert make_savable(config) == names
    config.save_pretrained(tmp_path)
    again = GenerationConfig.from_pretrained(tmp_path)
    assert again.eos_token_id == settings.get("eos_token_id")
    assert [getattr(again, name) for name in names] == [None] * len(names)


def test_a_folder_without_one_has_none(tmp_path):
    assert load_generation_config(tmp_path) is None
    assert dropped(tmp_path) == []


def test_a_folders_own_is_loaded_savable(tmp_path):
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 4}')
    put(tmp_path / "generation_config.json", do_sample=False, temperature=0.9)
    assert dropped(tmp_path) == ["temperature"]
    config = load_generation_config(tmp_path)
    config.save_pretrained(tmp_path / "saved")
    assert config.eos_token_id == 4


def test_one_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "generation_config.json").write_text('{"max_new_tokens": 0}')
    with pytest.raises(ModelError, match=r"generation_config\.json: .*max_new_tokens.*; correct the setting, or"):
        load_generation_config(tmp_path)


def test_the_first_line_of_an_error():
    assert first_line(ValueError("\n  one\ntwo")) == "one"
    assert first_line(KeyError()) == "KeyError"
