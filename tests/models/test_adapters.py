"""Modules that are to have adapters, against the names in a model's files."""

from __future__ import annotations

import pytest

from sfray.models import TINY, adapter_parameters, target_faults


def test_names_that_the_model_has() -> None:
    assert list(target_faults(TINY, ["all-linear"])) == []
    assert list(target_faults(TINY, ["q_proj", "mlp.down_proj", "model.layers.0.self_attn.v_proj"])) == []


@pytest.mark.parametrize(
    ("target", "end"),
    [
        ("q_prj", "has no module 'q_prj'; did you mean 'q_proj'?"),
        (
            "norm",
            "has no module 'norm'; "
            "there are down_proj, embed_tokens, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj",
        ),
        ("proj", "has no module 'proj'; did you mean 'v_proj'?"),
    ],
)
def test_a_name_that_it_lacks_even_beside_one_that_it_has(target: str, end: str) -> None:
    (fault,) = target_faults(TINY, ["k_proj", target])
    assert fault == f"sft.lora.target_modules[1]: {TINY} {end}"


def test_tied_embeddings_have_no_adapter() -> None:
    for target in ("lm_head", "model.embed_tokens"):
        (fault,) = target_faults(TINY, [target])
        assert fault.startswith(f"sft.lora.target_modules[0]: '{target}' is tied in {TINY}: ")


@pytest.mark.parametrize(
    ("targets", "widths"),
    [
        (["q_proj"], 128 + 128),
        (["down_proj", "self_attn.k_proj"], 384 + 128 + 128 + 128),
        (["all-linear"], 4 * 256 + 3 * 512),
    ],
)
def test_the_weights_of_adapters(targets: list[str], widths: int) -> None:
    assert adapter_parameters(TINY, targets, 8) == 5 * 8 * widths
