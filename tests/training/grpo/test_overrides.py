import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sfray.compose import CONF
from sfray.config import GrpoConfig
from sfray.config.validation import parse
from sfray.seeds import derive
from sfray.training.grpo.overrides import Paths, command, cpu_overrides, gpu_overrides, micro_batch, private_ray

PATHS = Paths("/m/sft", *map(Path, ("/d/train.parquet", "/d/val.parquet", "/r/grpo/checkpoints", "/tmp/x")))


SMALL = {"sft": {"max_length": 1024}, "trace": {"max_tokens": 1024}, "evaluate": {"max_tokens": 1024}}
"""The other stages, within every context."""


def preset(model, engine, grpo):
    """The groups that GRPO reads, as the shipped files have them."""
    raw = {"task": {"rl": {"count": 1000}}, **SMALL}
    for group, name in (("model", model), ("engine", engine), ("grpo", grpo)):
        with initialize_config_dir(str(CONF), version_base=None):
            raw |= OmegaConf.to_container(compose(f"{group}/{name}"))
    return parse(raw)


@pytest.fixture(scope="module")
def paper():
    return preset("qwen2.5_1.5b", "gpu", "paper")


@pytest.fixture(scope="module")
def tiny():
    return preset("tiny", "cpu", "tiny")


def verl_config(overrides):
    """verl's own config with the overrides, without importing verl."""
    folder = Path(importlib.util.find_spec("verl").origin).parent / "trainer" / "config"
    with initialize_config_dir(str(folder), version_base=None):
        return compose("ppo_trainer", list(overrides))


def test_the_paper_preset_is_the_released_command(paper):
    lines = command(paper, PATHS, 1000, "auto")
    seeds = [derive(0, "grpo", name, bits=31) for name in ("order", "actor", "rollout")]
    assert lines == [
        "algorithm.adv_estimator=grpo",
        "algorithm.norm_adv_by_std_in_grpo=True",
        "algorithm.use_kl_in_reward=False",
        "algorithm.rollout_correction.bypass_mode=False",
        "data.train_files='/d/train.parquet'",
        "data.val_files='/d/val.parquet'",
        "data.train_batch_size=256",
        "data.max_prompt_length=512",
        "data.max_response_length=4096",
        "data.truncation=error",
        f"data.seed={seeds[0]}",
        "data.dataloader_num_workers=0",
        "data.trust_remote_code=False",
        "reward.custom_reward_function.path=pkg://sfray.training.grpo.reward",
        "reward.custom_reward_function.name=compute_score",
        "actor_rollout_ref.model.path='/m/sft'",
        "actor_rollout_ref.model.trust_remote_code=False",
        "+actor_rollout_ref.model.override_config.attn_implementation=flash_attention_2",
        "actor_rollout_ref.model.use_remove_padding=True",
        "actor_rollout_ref.model.enable_gradient_checkpointing=True",
        "actor_rollout_ref.model.enable_activation_offload=True",
        "actor_rollout_ref.actor.strategy=fsdp2",
        "actor_rollout_ref.actor.fsdp_config.strategy=fsdp2",
        "actor_rollout_ref.actor.fsdp_config.forward_prefetch=True",
        f"actor_rollout_ref.actor.fsdp_config.seed={seeds[1]}",
        "actor_rollout_ref.actor.optim.lr=1e-06",
        "actor_rollout_ref.actor.ppo_mini_batch_size=32",
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4",
        "actor_rollout_ref.actor.use_dynamic_bsz=True",
        "actor_rollout_ref.actor.use_kl_loss=False",
        "actor_rollout_ref.actor.entropy_coeff=0",
        "actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-mean",
        "actor_rollout_ref.actor.policy_loss.loss_mode=vanilla",
        "actor_rollout_ref.actor.clip_ratio_low=0.2",
        "actor_rollout_ref.actor.clip_ratio_high=0.2",
        "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=18432",
        "actor_rollout_ref.rollout.name=vllm",
        "actor_rollout_ref.rollout.n=16",
        "actor_rollout_ref.rollout.dtype=bfloat16",
        f"actor_rollout_ref.rollout.seed={seeds[2]}",
        "actor_rollout_ref.rollout.temperature=1",
        "actor_rollout_ref.rollout.top_p=1",
        "actor_rollout_ref.rollout.tensor_model_parallel_size=1",
        "actor_rollout_ref.rollout.gpu_memory_utilization=0.8",
        "actor_rollout_ref.rollout.max_num_seqs=2048",
        "actor_rollout_ref.rollout.max_num_batched_tokens=16384",
        "actor_rollout_ref.rollout.max_model_len=4608",
        "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=4",
        "trainer.v1.sampler.custom_sampler.path=pkg://sfray.training.grpo.replay",
        "trainer.v1.sampler.custom_sampler.name=StrictReplayBuffer",
        "trainer.v1.trainer_mode=sfray",
        "+trainer.v1.sfray={guard_every:10,guard_bound:0.02,seeded:True}",
        "trainer.nnodes=1",
        "trainer.n_gpus_per_node=4",
        "trainer.total_training_steps=150",
        "trainer.total_epochs=51",
        "trainer.save_freq=25",
        "trainer.checkpoint_callback_class=sfray.training.grpo.saving.Saving",
        "trainer.test_freq=25",
        "trainer.val_before_train=True",
        "trainer.resume_mode=auto",
        "trainer.default_local_dir='/r/grpo/checkpoints'",
        "trainer.logger=[console,file]",
        "trainer.project_name=sfray",
        f"trainer.experiment_name='{paper.run.name}'",
        "trainer.device=cuda",
        "+actor_rollout_ref.rollout.agent.agent_loop_manager_class=sfray.training.grpo.rollouts.SeededAgentLoopManager",
        "+ray_kwargs.ray_init.address='auto'",
    ]


def test_verl_knows_every_key_of_the_paper_preset(paper):
    config = verl_config(command(paper, PATHS, 1000, "auto"))
    assert config.actor_rollout_ref.actor.fsdp_config.strategy == "fsdp2"
    assert config.actor_rollout_ref.actor.fsdp_config.model_dtype == "fp32"  # master weights
    assert config.actor_rollout_ref.actor.loss_agg_mode == "seq-mean-token-mean"
    assert config.actor_rollout_ref.actor.fsdp_config.forward_prefetch
    assert config.trainer.val_before_train
    assert config.actor_rollout_ref.actor.ppo_epochs == 1
    assert config.actor_rollout_ref.rollout.mode == "async"
    assert config.actor_rollout_ref.rollout.top_k == -1
    assert config.trainer.use_v1
    assert not config.algorithm.use_kl_in_reward


def test_verl_knows_every_key_of_the_cpu_preset(tiny):
    config = verl_config(command(tiny, PATHS, 512, "local"))
    assert config.trainer.device == "cpu"
    assert config.actor_rollout_ref.actor.loss_agg_mode == "token-mean"
    assert not config.actor_rollout_ref.actor.fsdp_config.forward_prefetch
    assert not config.trainer.val_before_train
    assert config.actor_rollout_ref.rollout.dtype == "float32"
    assert config.actor_rollout_ref.actor.fsdp_config.model_dtype == "fp32"
    assert config.actor_rollout_ref.actor.fsdp_config.mixed_precision.param_dtype == "fp32"
    assert config.actor_rollout_ref.rollout.engine_kwargs.vllm.kv_cache_memory_bytes == int(
        tiny.engine.kv_cache_gib * 2**30
    )
    assert config.trainer.v1.sampler.sampler_kwargs.poll_interval == 0.1
    assert config.ray_kwargs.ray_init.num_gpus == tiny.grpo.ranks_per_node


def test_a_misspelt_key_is_refused_by_verl(tiny):
    wrong = replace(tiny, grpo=replace(tiny.grpo, overrides=["trainer.sav_freq=3"]))
    with pytest.raises(Exception, match="sav_freq"):
        verl_config(command(wrong, PATHS, 512, "local"))


def test_cpu_settings_come_only_with_the_cpu(paper, tiny):
    on_gpu, on_cpu = command(paper, PATHS, 1000, "auto"), command(tiny, PATHS, 512, "local")
    assert not set(cpu_overrides(tiny)) & set(on_gpu)
    assert set(cpu_overrides(tiny)) <= set(on_cpu)
    assert gpu_overrides() == [
        "trainer.device=cuda",
        "+actor_rollout_ref.rollout.agent.agent_loop_manager_class=sfray.training.grpo.rollouts.SeededAgentLoopManager",
    ]


def test_verl_joins_the_cluster_except_on_the_cpu_of_one_node(paper, tiny):
    address = "+ray_kwargs.ray_init.address='head:6379'"
    two = replace(tiny, grpo=replace(tiny.grpo, nodes=2))
    for config in (paper, two):
        found = command(config, PATHS, 1000, "head:6379")
        assert address in found
        assert not set(private_ray(config, PATHS)) & set(found)
    alone = command(tiny, PATHS, 512, "head:6379")
    assert address not in alone
    assert set(private_ray(tiny, PATHS)) <= set(alone)


def test_the_users_overrides_come_last(tiny):
    config = replace(tiny, grpo=replace(tiny.grpo, overrides=["trainer.save_freq=99"]))
    assert command(config, PATHS, 512, "local")[-1] == "trainer.save_freq=99"
    assert verl_config(command(config, PATHS, 512, "local")).trainer.save_freq == 99


def test_a_kl_penalty_brings_the_reference(paper):
    config = replace(paper, grpo=replace(paper.grpo, kl_coef=0.001))
    composed = verl_config(command(config, PATHS, 1000, "auto"))
    assert composed.actor_rollout_ref.actor.use_kl_loss
    assert composed.actor_rollout_ref.actor.kl_loss_coef == 0.001
    assert composed.actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu == 4


@pytest.mark.parametrize("micro_tokens", [None, 9000])
def test_every_pass_of_the_actor_is_cut_by_tokens_or_by_sequences(paper, micro_tokens):
    config = replace(paper, grpo=replace(paper.grpo, micro_tokens=micro_tokens, kl_coef=0.001))
    composed = verl_config(command(config, PATHS, 1000, "auto")).actor_rollout_ref
    by_tokens = micro_tokens is not None
    assert composed.actor.use_dynamic_bsz is by_tokens
    assert composed.rollout.log_prob_use_dynamic_bsz is by_tokens
    assert composed.ref.log_prob_use_dynamic_bsz is by_tokens
    most = {
        composed.actor.ppo_max_token_len_per_gpu,
        composed.rollout.log_prob_max_token_len_per_gpu,
        composed.ref.log_prob_max_token_len_per_gpu,
    }
    assert most == {micro_tokens or 16384}


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "grpo").glob("*.yaml")))
def test_every_preset_is_guarded_and_seeded_and_cut_by_tokens_where_nothing_is_padded(name):
    engine, model = ("cpu", "tiny") if name == "tiny" else ("gpu", "qwen2.5_1.5b")
    grpo = preset(model, engine, name).grpo
    assert grpo.guard_bound == {"cpu": 1e-4, "gpu": 0.02}[engine]
    assert grpo.guard_every <= 10
    assert grpo.rollout.seeded
    if engine == "cpu":
        assert (grpo.micro_tokens, grpo.micro_batch) == (None, 4)
    else:
        assert grpo.micro_tokens >= grpo.max_prompt + grpo.max_response


def test_guard_seeds_and_bypass_reach_verl(tiny):
    rollout = replace(tiny.grpo.rollout, seeded=False)
    changed = replace(tiny.grpo, bypass=True, guard_every=3, guard_bound=0.5, rollout=rollout)
    config = verl_config(command(replace(tiny, grpo=changed), PATHS, 512, "local"))
    assert OmegaConf.to_container(config.trainer.v1.sfray) == {"guard_every": 3, "guard_bound": 0.5, "seeded": False}
    assert config.trainer.v1.trainer_mode == "sfray"
    assert config.algorithm.rollout_correction.bypass_mode is True
    assert config.actor_rollout_ref.rollout.calculate_log_probs


@pytest.mark.parametrize(
    ("mini", "n", "ranks", "wanted", "size"),
    [(32, 16, 4, 4, 4), (16, 8, 1, 32, 32), (4, 2, 1, 32, 8), (6, 4, 2, 8, 6), (5, 7, 1, 6, 5), (7, 3, 3, 5, 1)],
)
def test_a_forward_pass_takes_an_equal_part_of_a_ranks_share(mini, n, ranks, wanted, size):
    grpo = GrpoConfig(batch=mini, mini_batch=mini, n=n, ranks_per_node=ranks, micro_batch=wanted)
    assert micro_batch(grpo) == size


@pytest.mark.parametrize(("every", "told"), [(25, 25), (1, 1), (None, -1)])
def test_no_validation_is_a_frequency_that_verl_never_reaches(tiny, every, told):
    config = verl_config(command(replace(tiny, grpo=replace(tiny.grpo, test_every=every)), PATHS, 512, "local"))
    assert config.trainer.test_freq == told


def test_epochs_never_end_before_the_steps(tiny):
    for rows, steps in ((16, 1), (16, 100), (47, 5), (512, 24)):
        config = replace(tiny, grpo=replace(tiny.grpo, batch=16, mini_batch=16, steps=steps))
        epochs = verl_config(command(config, PATHS, rows, "local")).trainer.total_epochs
        assert epochs * (rows // 16) >= steps


def test_paths_may_hold_any_character(tiny):
    odd = "/d/a b=c,{x}'y\\z [1]/train.parquet"
    config = verl_config(command(tiny, replace(PATHS, train=Path(odd)), 512, "local"))
    assert OmegaConf.to_container(config.data, resolve=False)["train_files"] == odd
