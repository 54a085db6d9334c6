"""Micro batches within a budget of tokens: the budget holds, nothing is lost, gradients stay the same."""

import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sfray.training.sft.batch import collate
from sfray.training.sft.data import Plan
from sfray.training.sft.loss import loss_sum
from sfray.training.sft.split import PADDING, positions, split

driver = runpy.run_path(str(Path(__file__).with_name("driver.py")))
LENGTHS = st.lists(st.integers(1, 60), max_size=30)
WORLDS = st.integers(1, 4)


@given(LENGTHS, st.integers(1, 200), WORLDS, st.booleans())
def test_nothing_is_lost_and_counts_are_equal(lengths, budget, world, packed):
    shares = split(range(len(lengths)), lengths, budget, world, packed)
    assert Counter(row for s in shares for part in s for row in part) == Counter(range(len(lengths)))
    assert len(shares) == world
    assert len({len(s) for s in shares}) == 1
    assert shares[0]
    empty = sum(not part for s in shares for part in s)
    assert empty < world or not lengths


@given(LENGTHS, st.integers(1, 200), WORLDS, st.booleans())
def test_the_budget_holds(lengths, budget, world, packed):
    for share in split(range(len(lengths)), lengths, budget, world, packed):
        for part in share:
            size, tokens = positions(part, lengths, packed), sum(lengths[row] for row in part)
            assert size <= budget or len(part) == 1
            assert size - tokens <= PADDING * size


@given(LENGTHS, st.integers(1, 200), WORLDS, st.randoms())
def test_the_order_of_the_rows_does_not_matter(lengths, budget, world, random):
    rows = list(range(len(lengths)))
    expected = split(rows, lengths, budget, world)
    random.shuffle(rows)
    assert split(rows, lengths, budget, world) == expected


def test_like_sizes_run_together():
    lengths = [50, 50, 20, 20, 20, 90]
    assert split(range(6), lengths, 100, 2) == [[[5], [0]], [[2, 3, 4], [1]]]
    assert split([5], lengths, 10, 1) == [[[5]]]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(1, 9), st.integers(1, 99), WORLDS)
def test_each_epoch_sees_each_row_once(lengths, batch, budget, world):
    plan = Plan(tuple(f"t{i}" for i in range(len(lengths))), batch, 2, 0, 0)
    for epoch in range(2):
        seen = Counter()
        for step in range(epoch * plan.per_epoch, (epoch + 1) * plan.per_epoch):
            shares = split(plan.rows(step), lengths, budget, world)
            assert sorted(r for s in shares for part in s for r in part) == sorted(plan.rows(step))
            seen.update(r for s in shares for part in s for r in part)
        assert seen == Counter(range(len(lengths)))


class Mixed:
    """Rows of very different lengths, in the shape of :class:`sfray.training.sft.data.Rows`."""

    lengths = np.array([40, 3, 41, 7, 120, 40, 8, 3])
    prompt_tokens = np.array([5, 1, 2, 3, 60, 30, 4, 2])

    def tokens(self, row: int) -> np.ndarray:
        """Ids of a row."""
        return np.random.default_rng(row).integers(2, 200, self.lengths[row]).astype(np.int32)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("base")
    driver["write_model"](folder)
    return AutoModelForCausalLM.from_pretrained(folder)


def _gradients(model, shares: list[list[list[int]]]) -> tuple[dict[str, torch.Tensor], int]:
    """Gradients of the mean loss as the workers' average makes them, and the passes with several rows."""
    rows, world = Mixed(), len(shares)
    batches = [[collate(rows, part, pad=1) for part in share] for share in shares]
    total = sum(batch.loss_tokens for share in batches for batch in share)
    model.zero_grad()
    for batch in (batch for share in batches for batch in share):
        (loss_sum(model, *batch.tensors) * (world / total) / world).backward()
    several = sum(len(part) > 1 for share in shares for part in share)
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}, several


@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize("budget", [1, 90, 1000])
def test_gradients_are_those_of_one_row_at_a_time(model, world, budget):
    expected, _ = _gradients(model, [[[row] for row in range(8)]])
    found, several = _gradients(model, split(range(8), Mixed.lengths, budget, world))
    assert bool(several) == (budget > 1)
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, rtol=0, atol=1e-6), name
