"""Muon: orthogonalised momentum for the weight matrices of the hidden layers.

It learns more from a token than AdamW alone, and on two cores tokens are what there is
too few of (https://kellerjordan.github.io/posts/muon/). torch ships a Muon too, but that
one computes in bfloat16, which CPUs without bfloat16 units emulate; this one stays in
float32 and treats all matrices of a shape at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Quintic of the Newton-Schulz iteration (Keller Jordan's, as torch uses)."""


def orthogonalise(matrices: torch.Tensor, rounds: int = 5) -> torch.Tensor:
    """Pushes the singular values of a batch of matrices towards one.

    Args:
        matrices: ``[count, rows, columns]``.
        rounds: Newton-Schulz iterations.
    """
    a, b, c = COEFFICIENTS
    wide = matrices.size(-2) <= matrices.size(-1)
    x = matrices if wide else matrices.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised per matrix.

    Args:
        params: Matrices only.
        lr: Step size; a step's spectral norm is ``lr * sqrt(max(1, rows / columns))``.
        momentum: Decay of the momentum.
        weight_decay: Decoupled decay, scaled by ``lr``.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Updates every matrix from its gradient; returns what the closure does, if there is one."""
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            shapes: dict[torch.Size, list[torch.nn.Parameter]] = {}
            for parameter in group["params"]:
                shapes.setdefault(parameter.shape, []).append(parameter)
            for shape, members in shapes.items():
                self._update(group, shape, members)
        return loss

    def _update(self, group: dict[str, Any], shape: torch.Size, members: list[torch.nn.Parameter]) -> None:
        """Updates all matrices of one shape in one batch."""
        nudges = []
        for parameter in members:
            if parameter.grad is None:
                raise ValueError("a matrix has no gradient")
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
            nudges.append(parameter.grad.lerp(state["momentum"], group["momentum"]))
        scale = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
        for parameter, nudge in zip(members, orthogonalise(torch.stack(nudges)), strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(nudge, alpha=-scale)
