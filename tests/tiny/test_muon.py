"""Muon: orthogonal steps of the promised size."""

import torch

from sfray.tiny.muon import Muon, orthogonalise


def test_orthogonalise_levels_the_singular_values():
    torch.manual_seed(0)
    for shape in ((3, 16, 16), (2, 8, 24), (2, 24, 8)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.min() > 0.3
        assert values.max() < 1.3


def test_step_is_sized_by_the_rate_not_by_the_gradient():
    torch.manual_seed(0)
    moved = []
    for scale in (1.0, 1e4):
        weight = torch.nn.Parameter(torch.zeros(8, 8))
        weight.grad = scale * torch.eye(8)
        Muon([weight], lr=0.1).step()
        moved.append(weight.detach().clone())
    assert torch.allclose(moved[0], moved[1], atol=1e-5)
    assert 0.05 < -moved[0].diagonal().mean() < 0.13


def test_learns_a_linear_map():
    torch.manual_seed(0)
    truth, weight = torch.randn(6, 6), torch.nn.Parameter(torch.zeros(6, 6))
    optimizer, losses = Muon([weight], lr=0.05, weight_decay=0.0), []
    for _ in range(200):
        x = torch.randn(32, 6)
        loss = (x @ (weight - truth)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.02 * losses[0]
