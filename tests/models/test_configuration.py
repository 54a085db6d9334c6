"""How far a model's positions reach."""

from __future__ import annotations

import json

import pytest

from sfray.models.configuration import context_faults, logits_faults, longest, on_logits


@pytest.mark.parametrize(
    ("raw", "reach"),
    [
        ({"max_position_embeddings": 2048}, 2048),
        ({}, None),
        ({"text_config": {"max_position_embeddings": 512}, "max_position_embeddings": 4}, 512),
        ({"max_position_embeddings": 1000, "rope_scaling": {"type": "linear", "factor": 4.0}}, 4000),
        (
            {
                "max_position_embeddings": 32768,
                "rope_parameters": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
            },
            131072,
        ),
        ({"max_position_embeddings": 131072, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, 131072),
        ({"max_position_embeddings": 7, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}, 7),
    ],
)
def test_the_longest_text_of_a_model(raw, reach):
    assert longest(raw) == reach


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
        ({"text_config": {"final_logit_softcapping": 30.0}}, "final_logit_softcapping"),
        ({"logit_scale": 0.0625}, "logit_scale"),
        ({"logits_scaling": 8.0}, "logits_scaling"),
        ({"final_logit_softcapping": None, "logits_scaling": 1.0}, None),
        ({}, None),
    ],
)
def test_what_happens_to_logits_after_the_output_layer(tmp_path, raw, key):
    assert on_logits(raw) == key
    (tmp_path / "config.json").write_text(json.dumps(raw))
    assert [f"({key})" in fault for fault in logits_faults(tmp_path)] == [True] * (key is not None)


@pytest.mark.parametrize(("context", "faults"), [(2048, 0), (2049, 1)])
def test_a_context_is_held_against_it(tmp_path, context, faults):
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 2048}))
    assert len(list(context_faults(tmp_path, context))) == faults
