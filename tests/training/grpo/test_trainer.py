"""What the guarded trainer adds to verl's, without an engine at work; a run of it is in ``test_stage.py``."""

from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from sfray.training.grpo.guard import Guard, RolloutMismatch

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def module():
    from sfray.training.grpo import trainer

    return trainer


@pytest.fixture
def make(module, monkeypatch):
    """A trainer at step 1 whose parent logs ``known``, and which counts its own forward passes."""

    def trainer(bypass, known, measured=0.5):
        made = module.GuardedTrainer.__new__(module.GuardedTrainer)
        made.config = OmegaConf.create({"algorithm": {"rollout_correction": {"bypass_mode": bypass}}})
        made.guard, made.global_steps, made.passes = Guard(every=3, bound=0.02), 1, 0

        def parent(self, batch, metrics):
            metrics.update({module.DIFFERENCE: known} if known is not None else {})
            return batch

        def difference(batch):
            made.passes += 1
            return {module.DIFFERENCE: measured}

        monkeypatch.setattr(module.PPOTrainerSync, "_compute_old_log_prob", parent)
        monkeypatch.setattr(made, "_difference", difference)
        return made

    return trainer


def test_it_is_verls_trainer_of_the_mode_sfray(module):
    from verl.trainer.ppo.v1 import get_trainer_cls

    assert get_trainer_cls("sfray") is module.GuardedTrainer
    assert get_trainer_cls("sync") is module.PPOTrainerSync


def test_what_verl_compares_is_checked_at_every_step(make):
    trainer = make(bypass=False, known=0.02)
    for trainer.global_steps in (1, 2, 3):
        assert trainer._compute_old_log_prob("batch", {}) == "batch"
    assert trainer.passes == 0
    trainer = make(bypass=False, known=0.021)
    trainer.guard.looked, trainer.global_steps = True, 2
    with pytest.raises(RolloutMismatch, match=r"step 2: .* differ by 0\.021 "):
        trainer._compute_old_log_prob("batch", {})


def test_without_log_probabilities_of_the_rollout_nothing_passes(make):
    with pytest.raises(RolloutMismatch, match="kept no log-probabilities"):
        make(bypass=False, known=None)._compute_old_log_prob("batch", {})


def test_in_bypass_mode_the_first_step_and_every_nth_are_measured(make, module):
    trainer, logged = make(bypass=True, known=None, measured=0.01), []
    for trainer.global_steps in range(5, 11):
        metrics = {}
        assert trainer._compute_old_log_prob("batch", metrics) == "batch"
        logged += [trainer.global_steps] if module.DIFFERENCE in metrics else []
    assert (logged, trainer.passes) == ([5, 6, 9], 3)
    with pytest.raises(RolloutMismatch, match=r"step 1: .* differ by 0\.5 "):
        make(bypass=True, known=None, measured=0.5)._compute_old_log_prob("batch", {})


def test_prompts_are_numbered_over_all_batches(module, monkeypatch):
    from verl.utils import tensordict_utils

    def fetch(self):
        return tensordict_utils.get_tensordict({"uid": ["a", "b"]})

    monkeypatch.setattr(module.PPOTrainerSync, "_fetch_one_gen_batch", fetch)
    trainer = module.GuardedTrainer.__new__(module.GuardedTrainer)
    trainer.prompts_fetched = 0
    names = [list(trainer._fetch_one_gen_batch()["uid"]) for _ in range(2)]
    assert names == [["000000000000", "000000000001"], ["000000000002", "000000000003"]]


def setting(padding_removed, by_tokens):
    actor = {
        "ppo_mini_batch_size": 2,
        "use_dynamic_bsz": by_tokens,
        "ppo_max_token_len_per_gpu": 12,
        "ppo_micro_batch_size_per_gpu": 1,
    }
    model, rollout = {"use_remove_padding": padding_removed}, {"n": 2}
    return OmegaConf.create({"actor_rollout_ref": {"actor": actor, "model": model, "rollout": rollout}})


@pytest.mark.parametrize(
    ("padding_removed", "by_tokens", "passes"),
    [
        (True, True, [[5], [4], [3], [9], [1], [1], [1], [1]]),
        (False, False, [[5], [4], [3], [9], [1], [1], [1], [1]]),
        (False, True, [[4, 5], [3, 9], [1, 1], [1, 1]]),
    ],
)
def test_the_passes_are_those_of_each_ranks_mini_batches(module, padding_removed, by_tokens, passes):
    """Two ranks of four sequences each, two of them a mini-batch."""
    trainer = module.GuardedTrainer.__new__(module.GuardedTrainer)
    trainer.config = setting(padding_removed, by_tokens)
    trainer.actor_rollout_wg = SimpleNamespace(_dispatch_info={"actor": [0, 1]})
    found = list(trainer._passes([5, 4, 3, 9, 1, 1, 1, 1]))
    assert [sorted(one) for one in found] == [sorted(one) for one in passes]


def test_each_mini_batch_of_a_rank_comes_by_length(module, monkeypatch):
    class Batch:
        def __init__(self, lengths):
            self.tags = [{"seq_len": length} for length in lengths]

        def reorder(self, indices):
            self.tags = [self.tags[i] for i in indices]

    monkeypatch.setattr(module.PPOTrainerSync, "_balance_batch", lambda self, batch, **_: batch)
    trainer = module.GuardedTrainer.__new__(module.GuardedTrainer)
    trainer.config = setting(padding_removed=False, by_tokens=False)
    trainer.actor_rollout_wg = SimpleNamespace(_dispatch_info={"actor": [0, 1]})
    batch = trainer._balance_batch(Batch([5, 4, 3, 9, 1, 2, 8, 7]), metrics={})
    assert [tag["seq_len"] for tag in batch.tags] == [4, 5, 3, 9, 1, 2, 7, 8]


def test_passes_by_tokens_hold_every_sequence_once_and_keep_the_limit(module):
    lengths = [5, 4, 3, 2, 1, 9]
    passes = list(module.by_tokens(lengths, 12))
    assert sorted(length for one in passes for length in one) == sorted(lengths)
    assert all(sum(one) <= 12 for one in passes)
    assert len(passes) == 2
