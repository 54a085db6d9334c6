"""A guard on the rollout's weights: its probabilities of the tokens it drew must be the actor's.

The rollout engine has a copy of the actor's weights, renewed after each step. When that copy
is stale, incomplete or of another model, training goes on without an error, on samples of
another policy. Then the probability that the rollout gave to a token it drew differs from the
actor's, by more than two engines' arithmetic does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STOPPED = 86
"""Exit status of the process that runs verl when the guard has stopped it."""

TITLE = "RolloutMismatch"
"""How the guard's message begins in verl's log."""


class RolloutMismatch(RuntimeError):
    """The rollout's probabilities are not the actor's."""


@dataclass
class Guard:
    """What the probabilities may differ by, and when that is looked at.

    Attributes:
        every: Steps between two looks where a look costs a forward pass (``grpo.guard_every``).
        bound: Largest mean absolute difference of the probabilities of a step's response tokens, between 0 and 1
            (``grpo.guard_bound``).
        looked: Whether this process has looked yet: the first step after a start is always looked at.
    """

    every: int
    bound: float
    looked: bool = field(default=False, init=False)

    def due(self, step: int) -> bool:
        """Whether step ``step``, counted from 1, is one to look at where a look costs a forward pass."""
        return not self.looked or step % self.every == 0

    def check(self, step: int, difference: float | None) -> None:
        """Compares a step's difference with the bound.

        Args:
            step: The training step, counted from 1.
            difference: The mean absolute difference; NaN where the step has no response token, None where
                the rollout kept no log-probabilities.

        Raises:
            RolloutMismatch: It is above the bound, or cannot be told.
        """
        self.looked = True
        if difference is None:
            raise RolloutMismatch(
                f"step {step}: the rollout kept no log-probabilities, so that nobody can tell whether its weights are "
                "the actor's; remove rollout.calculate_log_probs from grpo.overrides"
            )
        if not difference <= self.bound:  # NaN too
            raise RolloutMismatch(
                f"step {step}: the probabilities of the rollout's tokens differ by {difference:.3g} on average between "
                f"rollout and actor, more than grpo.guard_bound = {self.bound:g}; the rollout's weights are stale or "
                "another model's, or its arithmetic is much coarser than the actor's"
            )
