"""Operations of training, against those that PyTorch counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sfray.compute.operations import training
from sfray.compute.shape import Shape

SMALL = Shape(1000, 2, 8, 8, 4, 16, 20, True)


def test_by_hand() -> None:
    assert SMALL.body == 1000 - 160
    assert dataclasses.replace(SMALL, tied=False).body == 1000 - 320
    # weights 6 x 840 x 10 tokens and 6 x 160 x 4 of the loss; attention 3 x 2 layers x 2 products x 2 x 8 x half of 100
    assert training(SMALL, 10, 4, 100) == 50_400 + 3_840 + 3 * 2 * 2 * 2 * 8 * 50
    # frozen: two thirds of the weights' part, and 6 x 30 adapter weights x 10 tokens
    assert training(SMALL, 10, 4, 100, adapters=30) == (50_400 + 3_840) * 2 / 3 + 9_600 + 1_800


@pytest.mark.parametrize(("keys", "tied"), [(2, True), (4, False)])
def test_as_pytorch_counts_them(keys: int, tied: bool) -> None:
    """PyTorch counts the whole square of a sequence, and neither norms nor biases."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=300,
            hidden_size=64,
            intermediate_size=160,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=keys,
            tie_word_embeddings=tied,
            attn_implementation="eager",
        )
    )
    shape = Shape.of(model.config, sum(p.numel() for p in model.parameters()))
    assert (shape.queries, shape.keys, shape.tied) == (64, 16 * keys, tied)
    rows, length = 2, 48
    ids = torch.randint(0, 300, (rows, length))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids).logits.sum().backward()
    expected = training(shape, rows * length, rows * length, 2 * rows * length**2)
    small = sum(p.numel() for p in model.parameters() if p.ndim == 1) * 6 * rows * length
    angles = 2 * length * 8  # positions times the frequencies of half a head
    assert counter.get_total_flops() == expected - small + angles


def sequence(lengths: Sequence[int]) -> float:
    """Operations of some sequences whose every token counts."""
    return training(SMALL, sum(lengths), sum(lengths), sum(n * n for n in lengths))


def test_sequences_add_up_and_long_ones_take_more_than_their_share() -> None:
    assert sequence([30, 50]) == sequence([30]) + sequence([50])
    assert sequence([80]) > sequence([30, 50])
