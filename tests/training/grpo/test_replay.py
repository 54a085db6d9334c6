import pytest

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def build():
    from sfray.training.grpo.replay import StrictReplayBuffer

    def make(**sampler):
        return StrictReplayBuffer(
            trainer_mode="sync",
            trainer_config={},
            max_off_policy_threshold=8,
            max_off_policy_strategy="drop",
            sampler_kwargs=sampler,
            refill_fn=None,
        )

    return make


def test_the_pace_comes_from_the_config(build):
    assert build(poll_interval=0.1).poll_interval == 0.1
    assert build().poll_interval == 2.0


def test_a_failed_group_stops_the_run(build, monkeypatch):
    import transfer_queue

    def listed(status):
        return lambda: {"train": {"a": {"is_prompt": True, "status": status, "global_steps": 1}}}

    buffer = build()
    monkeypatch.setattr(transfer_queue, "kv_list", listed("finished"))
    buffer._sync_metadata_from_transfer_queue()
    assert buffer.finished_keys == {"train": {"a"}}
    monkeypatch.setattr(transfer_queue, "kv_list", listed("failure"))
    with pytest.raises(RuntimeError, match=r"1 rollout group\(s\) failed"):
        buffer._sync_metadata_from_transfer_queue()


def test_rollouts_are_handed_on_in_the_order_of_their_prompts(build, monkeypatch):
    import transfer_queue

    cleared = []
    monkeypatch.setattr(transfer_queue, "kv_clear", lambda **what: cleared.append(what["keys"]))
    arrived = ["000000000002_0_0", "000000000001_10_0", "000000000001_2_0", "000000000009_0_0", "000000000001_2_1"]
    snapshot = {key: {"seq_len": i} for i, key in enumerate(arrived)}
    batch = build()._materialize_batch("train", ["000000000002", "000000000001"], snapshot)
    assert batch.keys == ["000000000001_2_0", "000000000001_2_1", "000000000001_10_0", "000000000002_0_0"]
    assert [tag["seq_len"] for tag in batch.tags] == [2, 4, 1, 0]
    assert cleared == [["000000000002", "000000000001"]]


def test_who_waits_for_a_dead_actor_is_told(build, monkeypatch):
    from sfray.training.grpo import replay
    from sfray.training.grpo.lost import ActorLost

    def dead():
        raise ActorLost("1 of verl's actors died:\nvllm_server_1_0: its node has died")

    monkeypatch.setattr(replay, "require_all", dead)
    monkeypatch.setattr(replay, "LOOK_SECONDS", 0.05)
    buffer = build(poll_interval=0.06)
    buffer._wait_for_next_poll("train", 0.0)
    with pytest.raises(ActorLost, match="vllm_server_1_0"):
        buffer._wait_for_next_poll("train", 0.0)
