"""Micro batches: the mask, padding and packing change nothing in the loss."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from sfray.training.sft.batch import IGNORED, collate, packs
from sfray.training.sft.loss import loss_sum

driver = runpy.run_path(str(Path(__file__).with_name("driver.py")))


class Few:
    """Three rows, in the shape of :class:`sfray.training.sft.data.Rows`."""

    prompt_tokens = np.array([2, 1, 4])
    _rows = ([5, 6, 7, 0], [8, 0], [9, 10, 11, 12, 13, 14, 0])

    def tokens(self, row: int) -> np.ndarray:
        """Ids of a row."""
        return np.array(self._rows[row], dtype=np.int32)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("base")
    driver["write_model"](folder)
    return AutoModelForCausalLM.from_pretrained(folder)


def test_padded_batch():
    batch = collate(Few(), [0, 2], pad=1)
    assert batch.input_ids.tolist() == [[5, 6, 7, 0, 1, 1, 1], [9, 10, 11, 12, 13, 14, 0]]
    assert batch.targets.tolist() == [[IGNORED, 7, 0] + [IGNORED] * 4, [IGNORED] * 3 + [13, 14, 0, IGNORED]]
    assert batch.position_ids is None
    assert (batch.tokens, batch.loss_tokens, batch.squares) == (11, 5, 4**2 + 7**2)


def test_packed_batch():
    batch = collate(Few(), [1, 0], pad=1, packed=True)
    assert batch.input_ids.tolist() == [[8, 0, 5, 6, 7, 0]]
    assert batch.targets.tolist() == [[0, IGNORED, IGNORED, 7, 0, IGNORED]]
    assert batch.position_ids.tolist() == [[0, 1, 0, 1, 2, 3]]
    assert (batch.tokens, batch.loss_tokens, batch.squares) == (6, 3, 2**2 + 4**2)


def test_prompt_and_padding_have_no_loss(model):
    """The loss by hand, row by row, over the response and its end only."""
    expected = 0.0
    for row, prompt in zip(Few._rows, Few.prompt_tokens, strict=True):
        ids = torch.tensor([row])
        logits = model(input_ids=ids).logits[0, prompt - 1 : -1]
        expected += functional.cross_entropy(logits, ids[0, prompt:], reduction="sum").item()
    padded = loss_sum(model, *collate(Few(), [0, 1, 2], pad=1).tensors)
    packed = loss_sum(model, *collate(Few(), [0, 1, 2], pad=1, packed=True).tensors)
    assert padded.item() == pytest.approx(expected, rel=1e-6)
    assert packed.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_an_empty_batch_costs_nothing_and_moves_nothing(model, packed):
    batch = collate(Few(), [], pad=1, packed=packed)
    assert (batch.tokens, batch.loss_tokens, batch.squares) == (0, 0, 0)
    model.zero_grad()
    loss = loss_sum(model, *batch.tensors)
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_only_flash_attention_packs():
    assert packs("flash_attention_2")
    assert not packs("sdpa")
