"""Checkpoints that another number of workers loads. Whole trainings: test_stage.py."""

from types import SimpleNamespace

import pytest
import torch
from ray.train import Checkpoint

from sfray.training.sft import checkpoint
from sfray.training.sft.checkpoint import TAG, UNIVERSAL, is_resized


@pytest.mark.parametrize(("shares", "world", "resized"), [(2, 1, True), (1, 2, True), (2, 2, False), (0, 2, False)])
def test_a_checkpoint_belongs_to_as_many_workers_as_wrote_shares(tmp_path, shares, world, resized):
    """Without ZeRO nobody writes a share: the state is whole."""
    (tmp_path / TAG).mkdir()
    for rank in range(shares):
        (tmp_path / TAG / f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt").touch()
    assert is_resized(Checkpoint.from_directory(tmp_path), world) is resized


def test_no_checkpoint_belongs_to_any_number():
    assert not is_resized(None, 2)


def test_groups_of_weights_count_their_own_steps_again():
    """As DeepSpeed's ZeRO 3 leaves them: one tensor for both, which counts two for each step."""
    matrix, bias = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))
    inner = torch.optim.AdamW([{"params": [matrix], "weight_decay": 0.1}, {"params": [bias], "weight_decay": 0.1}])
    shared = torch.tensor(4.0)
    for weight in (matrix, bias):
        inner.state[weight] = {
            "step": shared,
            "exp_avg": torch.zeros_like(weight),
            "exp_avg_sq": torch.zeros_like(weight),
        }
        weight.grad = torch.ones_like(weight)
    checkpoint._separate(SimpleNamespace(optimizer=inner, param_groups=inner.param_groups), [0.1, 0.0])
    inner.step()
    assert [float(inner.state[weight]["step"]) for weight in (matrix, bias)] == [5.0, 5.0]
    assert [group["weight_decay"] for group in inner.param_groups] == [0.1, 0.0]


def test_what_cannot_be_converted_says_what_deepspeed_said(tmp_path):
    (tmp_path / "saved").mkdir()
    with pytest.raises(RuntimeError, match=r"could not convert .*saved for another number of workers:(?s:.*)Error"):
        checkpoint._convert(tmp_path / "saved", tmp_path / UNIVERSAL / TAG)
