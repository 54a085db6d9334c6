"""DeepSpeed around a Hugging Face model: its configuration, its construction, its export."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfray.config import SftConfig
from sfray.config.settings import SftSettings
from sfray.io.files import replacing
from sfray.models.generation import make_savable
from sfray.training.sft.adapters import adapt

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

_SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


def environment(device: str, cpus: float) -> dict[str, str]:
    """Environment variables of a worker, set before it imports anything.

    On the CPU each worker keeps to its own cores; more threads than cores make every
    pass several times slower. Without ``DS_ACCELERATOR`` DeepSpeed guesses the device.
    """
    common = {"DS_ACCELERATOR": device, "TOKENIZERS_PARALLELISM": "false", "DEEPSPEED_LOG_LEVEL": "warning"}
    return common | ({"OMP_NUM_THREADS": str(max(1, int(cpus)))} if device == "cpu" else {})


def accumulation(sft: SftConfig, world: int) -> int:
    """Micro batches per worker and optimizer step, as DeepSpeed is told; the last ones may be empty.

    With ``sft.micro_tokens`` their number varies and the loop says which one is the last;
    what DeepSpeed is told then only has to be more than one.

    Args:
        sft: The settings.
        world: Workers there are.
    """
    if sft.micro_tokens is not None:
        return max(2, math.ceil(sft.batch / world))
    return math.ceil(sft.batch / (world * sft.micro_batch))


def deepspeed_config(sft: SftConfig, dtype: str, world: int, universal: bool = False) -> dict[str, Any]:
    """The DeepSpeed configuration, with ``sft.deepspeed`` merged over it.

    ``torch_adam`` takes PyTorch's own fused AdamW, which needs no compiler at start-up.

    Args:
        sft: The settings.
        dtype: ``model.dtype``.
        world: Workers there are.
        universal: Whether a universal checkpoint is to be loaded.
    """
    zero: dict[str, Any] = {"stage": sft.zero}
    if sft.zero == 3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    own = {
        "train_micro_batch_size_per_gpu": sft.micro_batch if sft.micro_tokens is None else 1,
        "gradient_accumulation_steps": accumulation(sft, world),
        "gradient_clipping": sft.clip,
        "zero_optimization": zero,
        "optimizer": {
            "type": "AdamW",
            "params": {"lr": sft.lr, "betas": list(sft.betas), "eps": 1e-8, "torch_adam": True, "fused": True},
        },
        "bf16": {"enabled": dtype == "bfloat16"},
        "steps_per_print": 2**31,
        "wall_clock_breakdown": False,
        **({"checkpoint": {"load_universal": True}} if universal else {}),
    }
    return merge(own, sft.deepspeed)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over`` put in, mapping by mapping."""
    merged = dict(copy.deepcopy(dict(base)))
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def scheduler(optimizer: torch.optim.Optimizer, sft: SftConfig, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate schedule, of ``transformers``: warm-up from 0, then down to 0."""
    from transformers import get_scheduler

    warmup = warmup_steps(sft.warmup_ratio, steps)
    # `constant_with_warmup` takes no number of training steps, the others need it
    return get_scheduler(_SCHEDULES[sft.schedule], optimizer, num_warmup_steps=warmup, num_training_steps=steps)


def warmup_steps(ratio: float, steps: int) -> int:
    """Steps of warm-up, rounded up as the Hugging Face trainer does."""
    return math.ceil(ratio * steps)


def build(folder: Path, config: SftSettings, steps: int, world: int, universal: bool = False) -> Any:
    """Loads the model and wraps it. Collective: every worker calls it.

    Args:
        folder: The model.
        config: The settings.
        steps: Of the whole training.
        world: Workers there are.
        universal: Whether a universal checkpoint is to be loaded.

    Returns:
        A ``deepspeed.DeepSpeedEngine`` around an :class:`~sfray.training.sft.loss.Objective`, on the worker's device.
    """
    import deepspeed
    import torch
    from deepspeed.utils import logger
    from transformers import AutoModelForCausalLM
    from transformers.integrations import HfDeepSpeedConfig
    from transformers.utils import logging as transformers_logging

    from sfray.training.sft.loss import Objective

    sft = config.sft
    transformers_logging.disable_progress_bar()
    logger.setLevel(logging.WARNING)
    if config.engine.device == "cpu":
        # a C++ extension that is only a faster all-reduce, compiled for minutes on first use
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    settings = deepspeed_config(sft, config.model.dtype, world, universal)
    # while this object lives, from_pretrained partitions the weights as it loads them
    partitioned = HfDeepSpeedConfig(settings) if sft.zero == 3 else None
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=getattr(torch, config.model.dtype),
        attn_implementation=config.model.attention,
        trust_remote_code=config.model.trust_remote_code,
    )
    del partitioned
    model.config.use_cache = False
    if sft.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if sft.lora.rank:
        model = adapt(model, sft.lora, config.run.seed)
    objective = Objective(model)
    objective.train()
    engine, *_ = deepspeed.initialize(
        model=objective,
        model_parameters=_groups(objective, sft.weight_decay),
        config=settings,
        dist_init_required=False,
        lr_scheduler=lambda optimizer: scheduler(optimizer, sft, steps),
    )
    return engine


def _groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices only: norms and biases are scales, not weights."""
    decayed: list[torch.Tensor] = []
    plain: list[torch.Tensor] = []
    for weight in (w for w in model.parameters() if w.requires_grad):
        shape = getattr(weight, "ds_shape", weight.shape)  # a partitioned weight is flat
        (decayed if len(shape) > 1 else plain).append(weight)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def export(engine: Any, tokenizer: PreTrainedTokenizerBase, path: Path, sft: SftConfig, rank: int) -> None:
    """Writes the whole model as a Hugging Face folder, adapters merged. Collective: every worker calls it.

    The weights keep the type they were trained in, whatever DeepSpeed's name for it says.
    """
    gathered = engine._zero3_consolidated_16bit_state_dict() if sft.zero == 3 else None
    if rank:
        return
    model = engine.module.model
    if sft.lora.rank:
        model = model.merge_and_unload()
    weights = gathered and {name.removeprefix("model."): weight for name, weight in gathered.items()}
    model.config.use_cache = True
    make_savable(model.generation_config)
    with replacing(path) as temporary:
        model.save_pretrained(temporary, state_dict=weights)
        tokenizer.save_pretrained(temporary)
