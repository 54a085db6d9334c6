"""Low-rank adapters around a Hugging Face model (LoRA, arXiv:2106.09685), of peft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfray import seeds
from sfray.config import LoraConfig
from sfray.config.training import ALL_LINEAR

if TYPE_CHECKING:
    from peft import PeftModel


def adapt(model: Any, lora: LoraConfig, seed: int) -> PeftModel:
    """Freezes a model and puts adapters beside its linear modules.

    At the start they change nothing: the second matrix of each is zero. The first is drawn from the run's seed, alike
    on every worker. They have the model's own type: in bfloat16 DeepSpeed holds float32 copies of them for its Adam.
    """
    import torch
    from peft import LoraConfig as PeftConfig
    from peft import get_peft_model

    torch.manual_seed(seeds.derive(seed, "sft", "lora"))
    targets = lora.target_modules
    config = PeftConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type] # it divides by the rank alone
        lora_dropout=lora.dropout,
        target_modules=ALL_LINEAR if targets == [ALL_LINEAR] else targets,
    )
    return get_peft_model(model, config, autocast_adapter_dtype=False)
