"""verl's command line, as a function of the config.

:func:`overrides` is the released setting of the paper on GPUs; :func:`cpu_overrides`
adds what a machine without an accelerator needs. ``grpo.overrides`` come last, so a user
has the last word.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from sfray.config import GrpoConfig
from sfray.config.settings import GrpoSettings
from sfray.seeds import derive

_PRECISION = {"float32": "fp32", "bfloat16": "bf16"}


@dataclass(frozen=True)
class Paths:
    """What verl reads and writes.

    Attributes:
        model: What to start from, as every node can find it: a folder or a hub name.
        train: Parquet in verl's schema.
        validation: The same, for the accuracy along the way.
        checkpoints: Where ``global_step_<n>`` folders go.
        ray: Temporary folder of a private Ray instance.
    """

    model: str
    train: Path
    validation: Path
    checkpoints: Path
    ray: Path


def command(config: GrpoSettings, paths: Paths, rows: int, address: str) -> list[str]:
    """Every override, in order.

    Args:
        config: The whole config.
        paths: What verl reads and writes.
        rows: Training prompts, after rejects.
        address: Of the Ray cluster, where verl joins one.
    """
    platform = cpu_overrides(config) if config.engine.device == "cpu" else gpu_overrides()
    joins = config.grpo.joins_cluster(config.engine.device)
    where = [f"+ray_kwargs.ray_init.address={quoted(address)}"] if joins else private_ray(config, paths)
    return [*overrides(config, paths, rows), *platform, *where, *config.grpo.overrides]


def overrides(config: GrpoSettings, paths: Paths, rows: int) -> list[str]:
    """The settings that do not depend on the device."""
    return [*_data(config, paths), *_actor(config, paths), *_rollout(config), *_trainer(config, paths, rows)]


def micro_batch(grpo: GrpoConfig) -> int:
    """Sequences per forward pass: at most ``grpo.micro_batch``, and a divisor of a rank's share, as verl insists."""
    share = grpo.mini_batch * grpo.n // (grpo.nodes * grpo.ranks_per_node)
    return next(size for size in range(min(grpo.micro_batch, share), 0, -1) if share % size == 0)


def _data(config: GrpoSettings, paths: Paths) -> list[str]:
    grpo = config.grpo
    return [
        f"algorithm.adv_estimator={grpo.advantage}",
        f"algorithm.norm_adv_by_std_in_grpo={grpo.normalize}",
        "algorithm.use_kl_in_reward=False",
        f"algorithm.rollout_correction.bypass_mode={grpo.bypass}",
        f"data.train_files={quoted(paths.train)}",
        f"data.val_files={quoted(paths.validation)}",
        f"data.train_batch_size={grpo.batch}",
        f"data.max_prompt_length={grpo.max_prompt}",
        f"data.max_response_length={grpo.max_response}",
        "data.truncation=error",
        f"data.seed={derive(config.run.seed, 'grpo', 'order', bits=31)}",
        "data.dataloader_num_workers=0",
        f"data.trust_remote_code={config.model.trust_remote_code}",
        "reward.custom_reward_function.path=pkg://sfray.training.grpo.reward",
        "reward.custom_reward_function.name=compute_score",
    ]


def _actor(config: GrpoSettings, paths: Paths) -> list[str]:
    grpo, model, actor = config.grpo, "actor_rollout_ref.model", "actor_rollout_ref.actor"
    lines = [
        f"{model}.path={quoted(paths.model)}",
        f"{model}.trust_remote_code={config.model.trust_remote_code}",
        f"+{model}.override_config.attn_implementation={config.model.attention}",
        # Packed rows need an attention that knows where each one ends.
        f"{model}.use_remove_padding={config.model.attention == 'flash_attention_2'}",
        f"{model}.enable_gradient_checkpointing={grpo.gradient_checkpointing}",
        f"{model}.enable_activation_offload={grpo.activation_offload}",
        f"{actor}.strategy=fsdp2",
        f"{actor}.fsdp_config.strategy=fsdp2",
        f"{actor}.fsdp_config.forward_prefetch={grpo.forward_prefetch}",
        f"{actor}.fsdp_config.seed={derive(config.run.seed, 'grpo', 'actor', bits=31)}",
        f"{actor}.optim.lr={grpo.lr:g}",
        f"{actor}.ppo_mini_batch_size={grpo.mini_batch}",
        f"{actor}.ppo_micro_batch_size_per_gpu={micro_batch(grpo)}",
        f"{actor}.use_dynamic_bsz={grpo.micro_tokens is not None}",
        f"{actor}.use_kl_loss={grpo.kl_coef > 0}",
        f"{actor}.entropy_coeff={grpo.entropy_coef:g}",
        f"{actor}.loss_agg_mode={grpo.loss}",
        f"{actor}.policy_loss.loss_mode={grpo.policy_loss}",
        f"{actor}.clip_ratio_low={grpo.clip_low:g}",
        f"{actor}.clip_ratio_high={grpo.clip_high:g}",
    ]
    if grpo.micro_tokens is not None:  # the passes without a gradient take as many, by verl's defaults
        lines.append(f"{actor}.ppo_max_token_len_per_gpu={grpo.micro_tokens}")
    if grpo.loss == "seq-mean-token-sum-norm":  # without it verl divides by the longest response of the batch
        lines.append(f"{actor}.loss_scale_factor={grpo.max_response}")
    if grpo.kl_coef > 0:
        lines += [
            f"{actor}.kl_loss_coef={grpo.kl_coef:g}",
            f"actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu={micro_batch(grpo)}",
        ]
    return lines


def _rollout(config: GrpoSettings) -> list[str]:
    grpo, rollout = config.grpo, "actor_rollout_ref.rollout"
    return [
        f"{rollout}.name=vllm",
        f"{rollout}.n={grpo.n}",
        f"{rollout}.dtype={config.model.dtype}",
        f"{rollout}.seed={derive(config.run.seed, 'grpo', 'rollout', bits=31)}",
        f"{rollout}.temperature={grpo.rollout.temperature:g}",
        f"{rollout}.top_p={grpo.rollout.top_p:g}",
        f"{rollout}.tensor_model_parallel_size={grpo.rollout.tensor_parallel}",
        f"{rollout}.gpu_memory_utilization={grpo.rollout.gpu_memory_utilization:g}",
        f"{rollout}.max_num_seqs={grpo.rollout.max_num_seqs}",
        f"{rollout}.max_num_batched_tokens={grpo.rollout.max_num_batched_tokens}",
        f"{rollout}.max_model_len={grpo.max_prompt + grpo.max_response}",
        f"{rollout}.log_prob_micro_batch_size_per_gpu={micro_batch(grpo)}",
        "trainer.v1.sampler.custom_sampler.path=pkg://sfray.training.grpo.replay",
        "trainer.v1.sampler.custom_sampler.name=StrictReplayBuffer",
        "trainer.v1.trainer_mode=sfray",
        f"+trainer.v1.sfray={{guard_every:{grpo.guard_every},guard_bound:{grpo.guard_bound:g},"
        f"seeded:{grpo.rollout.seeded}}}",
    ]


def _trainer(config: GrpoSettings, paths: Paths, rows: int) -> list[str]:
    grpo = config.grpo
    return [
        f"trainer.nnodes={grpo.nodes}",
        f"trainer.n_gpus_per_node={grpo.ranks_per_node}",
        f"trainer.total_training_steps={grpo.steps}",
        # verl stops at whichever of steps and epochs comes first.
        f"trainer.total_epochs={math.ceil(grpo.steps / (rows // grpo.batch)) + 1}",
        f"trainer.save_freq={grpo.save_every}",
        "trainer.checkpoint_callback_class=sfray.training.grpo.saving.Saving",
        f"trainer.test_freq={grpo.test_every or -1}",
        f"trainer.val_before_train={grpo.validate_first}",
        "trainer.resume_mode=auto",
        f"trainer.default_local_dir={quoted(paths.checkpoints)}",
        f"trainer.logger=[{','.join(sorted({*grpo.logger, 'file'}))}]",
        "trainer.project_name=sfray",
        f"trainer.experiment_name={quoted(config.run.name)}",
    ]


def gpu_overrides() -> list[str]:
    """What nodes with GPUs need."""
    return [
        "trainer.device=cuda",
        "+actor_rollout_ref.rollout.agent.agent_loop_manager_class=sfray.training.grpo.rollouts.SeededAgentLoopManager",
    ]


def cpu_overrides(config: GrpoSettings) -> list[str]:
    """What nodes without an accelerator need; see :mod:`sfray.training.grpo.verl_cpu`."""
    precision = _PRECISION[config.model.dtype]
    engine = "actor_rollout_ref.rollout.engine_kwargs.vllm"
    actor = "actor_rollout_ref.actor"
    return [
        "trainer.device=cpu",
        "actor_rollout_ref.model.external_lib=sfray.training.grpo.verl_cpu.engine",
        f"{actor}.use_torch_compile=False",
        f"{actor}.fsdp_config.use_torch_compile=False",
        f"{actor}.fsdp_config.model_dtype={precision}",
        f"+{actor}.fsdp_config.mixed_precision={{param_dtype:{precision},reduce_dtype:fp32,buffer_dtype:fp32}}",
        "actor_rollout_ref.rollout.enforce_eager=True",
        "actor_rollout_ref.rollout.free_cache_engine=False",
        "+actor_rollout_ref.rollout.enable_sleep_mode=False",
        "actor_rollout_ref.rollout.agent.num_workers=1",
        "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes=64",
        f"+{engine}.distributed_executor_backend=uni",
        f"+{engine}.kv_cache_memory_bytes={int(config.engine.kv_cache_gib * 2**30)}",
        f"+{engine}.worker_extension_cls=sfray.training.grpo.verl_cpu.worker_extension.CpuWorkerExtension",
        "+actor_rollout_ref.rollout.agent.agent_loop_manager_class="
        "sfray.training.grpo.verl_cpu.agent_loop.CpuAgentLoopManager",
        "reward.num_workers=0",
        "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
        "+trainer.v1.sampler.sampler_kwargs.poll_interval=0.1",
    ]


def private_ray(config: GrpoSettings, paths: Paths) -> list[str]:
    """A Ray instance for verl alone, on this machine's CPU."""
    return [
        # Logical resources: verl asks for one CPU per helper process, whatever it uses.
        "ray_kwargs.ray_init.num_cpus=24",
        f"+ray_kwargs.ray_init.num_gpus={config.grpo.ranks_per_node}",
        "+ray_kwargs.ray_init.address=local",
        f"+ray_kwargs.ray_init._temp_dir={quoted(paths.ray)}",
        "+ray_kwargs.ray_init.include_dashboard=False",
        "+ray_kwargs.ray_init.object_store_memory=268435456",
    ]


def quoted(value: object) -> str:
    """A value in Hydra's grammar, whatever characters it holds."""
    # There, a backslash is itself except before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), str(value))
    return f"'{escaped}'"
