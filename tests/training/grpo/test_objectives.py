"""Each named variant against its paper: verl, set up by the preset, computes what the formulas say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sfray.compose import load
from sfray.config.settings import GrpoSettings
from sfray.training.grpo.overrides import Paths, command

pytestmark = pytest.mark.engine

LENGTHS = [3, 5, 2, 4, 1, 5]
REWARDS = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
GROUPS = ["a", "a", "a", "b", "b", "b"]
WIDTH = 5
LONGEST = 8
"""``grpo.max_response``, which no response of the batch reaches."""


def drawn(seed: int) -> np.ndarray:
    """Log-probabilities of the tokens."""
    return np.random.default_rng(seed).normal(-1.0, 0.4, (len(LENGTHS), WIDTH))


OLD, NEW = drawn(1), drawn(2)
MASK = np.array([[float(t < n) for t in range(WIDTH)] for n in LENGTHS])


def group_of(i: int) -> list[int]:
    """The rollouts of a rollout's group."""
    return [j for j, name in enumerate(GROUPS) if name == GROUPS[i]]


def grpo_advantage(i: int, scaled: bool) -> float:
    """Reward minus the group's mean, over its standard deviation (n - 1)."""
    rewards = [REWARDS[j] for j in group_of(i)]
    centred = REWARDS[i] - float(np.mean(rewards))
    return centred / (float(np.std(rewards, ddof=1)) + 1e-6) if scaled else centred


def rloo_advantage(i: int) -> float:
    """Reward minus the mean reward of the others."""
    return REWARDS[i] - float(np.mean([REWARDS[j] for j in group_of(i) if j != i]))


def whitened(i: int) -> float:
    """Reward over all tokens of the batch, minus their mean and over their standard deviation (n - 1)."""
    tokens = [r for r, n in zip(REWARDS, LENGTHS, strict=True) for _ in range(n)]
    return (REWARDS[i] - float(np.mean(tokens))) / math.sqrt(float(np.var(tokens, ddof=1)) + 1e-8)


def clipped(advantage: float, ratio: float, low: float, high: float) -> float:
    """PPO's pessimistic objective as a loss."""
    return max(-advantage * ratio, -advantage * min(max(ratio, 1 - low), 1 + high))


def per_token(advantages: list[float], low: float, high: float) -> list[list[float]]:
    """PPO's loss of each token; ratios are token by token (no ratio here reaches dual clipping's bound of 3)."""
    return [
        [clipped(advantages[i], math.exp(NEW[i, t] - OLD[i, t]), low, high) for t in range(n)]
        for i, n in enumerate(LENGTHS)
    ]


def by_sequence(advantages: list[float], low: float, high: float) -> list[list[float]]:
    """GSPO's loss: the ratio of the whole response, to the power of 1 / length (eq. 7)."""
    rows = []
    for i, n in enumerate(LENGTHS):
        ratio = math.exp(float(np.mean(NEW[i, :n] - OLD[i, :n])))
        rows.append([clipped(advantages[i], ratio, low, high)] * n)
    return rows


def weighted(advantages: list[float], low: float, high: float) -> list[list[float]]:
    """CISPO's loss: the clipped ratio weighs the log-probability (eq. 4)."""
    return [
        [
            -min(max(math.exp(NEW[i, t] - OLD[i, t]), 1 - low), 1 + high) * advantages[i] * float(NEW[i, t])
            for t in range(n)
        ]
        for i, n in enumerate(LENGTHS)
    ]


def token_mean(rows: list[list[float]]) -> float:
    """Every token of the batch weighs the same."""
    return float(np.mean(np.concatenate(rows)))


def sequence_mean(rows: list[list[float]]) -> float:
    """Every response weighs the same."""
    return float(np.mean([np.mean(r) for r in rows]))


def sequence_sum(rows: list[list[float]]) -> float:
    """The mean of the responses' sums."""
    return float(np.mean([sum(r) for r in rows]))


SCALED = [grpo_advantage(i, True) for i in range(6)]
CENTRED = [grpo_advantage(i, False) for i in range(6)]
EXPECTED = {
    "paper": (SCALED, sequence_mean(per_token(SCALED, 0.2, 0.2))),
    "dr_grpo": (CENTRED, sequence_sum(per_token(CENTRED, 0.2, 0.2)) / LONGEST),
    "dapo": (SCALED, token_mean(per_token(SCALED, 0.2, 0.28))),
    "gspo": (SCALED, sequence_mean(by_sequence(SCALED, 3e-4, 4e-4))),
    "cispo": (SCALED, token_mean(weighted(SCALED, 1.0, 0.2))),
    "rloo": (
        [rloo_advantage(i) for i in range(6)],
        sequence_sum(per_token([rloo_advantage(i) for i in range(6)], 0.2, 0.2)),
    ),
    "reinforce_plus_plus": (
        [whitened(i) for i in range(6)],
        token_mean(per_token([whitened(i) for i in range(6)], 0.2, 0.2)),
    ),
}


@pytest.fixture(scope="module")
def verl_config():
    """verl's whole config under a preset, composed by its own Hydra tree."""
    from hydra import compose, initialize_config_module

    def composed(name: str, tmp_path):
        config = load(["experiment=paper/countdown_1.5b", f"grpo={name}", f"grpo.max_response={LONGEST}"])
        settings = GrpoSettings(config.run, config.prompts, config.model, config.engine, config.cluster, config.grpo)
        paths = Paths("m", tmp_path / "t", tmp_path / "v", tmp_path / "c", tmp_path / "r")
        with initialize_config_module("verl.trainer.config", version_base=None):
            return compose("ppo_trainer", command(settings, paths, 512, "local"))

    return composed


@pytest.mark.parametrize("name", EXPECTED)
def test_a_variant_is_that_of_its_paper(name: str, verl_config, tmp_path) -> None:
    import torch
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
    from verl.utils.config import omega_conf_to_dataclass

    config = verl_config(name, tmp_path)
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    actor.global_batch_info["loss_scale_factor"] = actor.loss_scale_factor  # as verl.workers.utils.losses does
    rewards = torch.zeros(len(LENGTHS), WIDTH, dtype=torch.float64)
    for i, (n, reward) in enumerate(zip(LENGTHS, REWARDS, strict=True)):
        rewards[i, n - 1] = reward
    mask = torch.tensor(MASK)
    estimator = config.algorithm.adv_estimator
    more = {} if estimator == "reinforce_plus_plus" else {"index": np.array(GROUPS)}
    if estimator == "grpo":
        more["norm_adv_by_std_in_grpo"] = config.algorithm.norm_adv_by_std_in_grpo
    advantages, _ = get_adv_estimator_fn(estimator)(rewards, mask, config=config.algorithm, **more)
    loss, _ = get_policy_loss_fn(actor.policy_loss.loss_mode)(
        torch.tensor(OLD), torch.tensor(NEW), advantages, mask, actor.loss_agg_mode, actor
    )
    wanted, wanted_loss = EXPECTED[name]
    assert torch.allclose(advantages, torch.tensor(wanted).unsqueeze(-1) * mask, atol=1e-6)
    assert loss.item() == pytest.approx(wanted_loss, rel=1e-6)
