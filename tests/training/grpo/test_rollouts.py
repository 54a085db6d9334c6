import asyncio

import pytest
from omegaconf import OmegaConf

from sfray.seeds import derive

pytestmark = pytest.mark.engine

TRAIN = {"step": 3, "sample_index": 0, "rollout_n": 0, "validate": False}


@pytest.fixture(scope="module")
def rollouts():
    from sfray.training.grpo import rollouts

    return rollouts


def test_a_seed_is_of_its_run_step_question_and_repetition(rollouts):
    seed = rollouts.seed_of(11, TRAIN, "countdown-3:rl:000001", 5)
    assert seed == derive(11, "training", 3, "countdown-3:rl:000001", 5)
    others = [
        rollouts.seed_of(12, TRAIN, "countdown-3:rl:000001", 5),
        rollouts.seed_of(11, {**TRAIN, "step": 4}, "countdown-3:rl:000001", 5),
        rollouts.seed_of(11, {**TRAIN, "validate": True}, "countdown-3:rl:000001", 5),
        rollouts.seed_of(11, TRAIN, "countdown-3:rl:000002", 5),
        rollouts.seed_of(11, TRAIN, "countdown-3:rl:000001", 6),
    ]
    assert len({seed, *others}) == 6


@pytest.mark.parametrize("seeded", [True, False, None])
def test_each_request_carries_its_seed_where_asked(rollouts, monkeypatch, seeded):
    """``seeded=None``: verl's own config, without our settings."""
    asked = []

    async def run(self, sampling_params, trajectory, **kwargs):
        asked.append(sampling_params)

    (above,) = rollouts.SeededAgentLoopWorker.__bases__
    monkeypatch.setattr(above, "_run_agent_loop", run)
    worker = rollouts.SeededAgentLoopWorker.__new__(rollouts.SeededAgentLoopWorker)
    v1 = {} if seeded is None else {"sfray": {"seeded": seeded}}
    worker.config = OmegaConf.create({"trainer": {"v1": v1}, "actor_rollout_ref": {"rollout": {"seed": 11}}})
    shared = {"temperature": 1.0}
    for repetition in (0, 1):
        row = {"agent_name": "single_turn_agent", "extra_info": {"id": "q"}, "session_id": repetition}
        asyncio.run(worker._run_agent_loop(shared, trajectory=TRAIN, **row))
    seeds = [{"seed": derive(11, "training", 3, "q", i)} for i in (0, 1)] if seeded else [{}, {}]
    assert asked == [{"temperature": 1.0, **seed} for seed in seeds]
    assert shared == {"temperature": 1.0}  # verl hands the same dictionary to every rollout
