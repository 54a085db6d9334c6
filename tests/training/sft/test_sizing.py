"""What a worker will hold, told from a model's folder and the settings."""

import dataclasses

import pytest

from sfray import models
from sfray.compose import load
from sfray.compute.memory import Memory, Work, sft
from sfray.compute.shape import Shape
from sfray.training.sft.sizing import memory, told

TINY = Shape(1_199_360, 5, 128, 128, 128, 384, 1024, True)


@pytest.mark.parametrize(
    ("chosen", "work"),
    [
        (["sft.micro_tokens=null", "sft.batch=8", "sft.micro_batch=4"], Work(1200, 1200)),
        (["sft.batch=8"], Work(2048, 2048)),
        (["sft.batch=4"], Work(1200, 1200)),  # all there are
        (["sft.micro_tokens=200"], Work(300, 300)),  # a longer row is alone
        (["sft.batch=8", "sft.logits_gib=0.002"], Work(2048, 2048, 4)),
        (["sft.batch=4", "sft.workers=2", "sft.zero=2", "sft.gradient_checkpointing=true"], None),
        (["sft.batch=4", "sft.lora.rank=8"], Work(1200, 1200, adapters=5 * 8 * (4 * 256 + 3 * 512))),
    ],
)
def test_the_largest_micro_batch_counts(chosen, work):
    config = load(["sft.workers=1", *chosen])
    work = work or Work(1200, 1200, checkpointing=True, zero=2, workers=2)
    expected = dataclasses.replace(work, width=4, zero=config.sft.zero)
    assert memory(models.TINY, config, 300) == sft(TINY, expected)


def test_it_is_told_in_one_line():
    gib = 2**30
    assert told(Memory(14 * gib, 4 * gib, 21 * gib, 3 * gib, gib // 2), 16384) == (
        "sft: by formula a worker takes 42.5 GiB for 16,384 tokens "
        "(weights 14.0, gradients 4.0, optimizer 21.0, kept 3.0, working 0.5)"
    )
