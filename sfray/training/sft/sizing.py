"""What a worker of a run will hold in memory, told before any starts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sfray import models
from sfray.compute.hardware import GIB
from sfray.compute.memory import Memory, Work, sft
from sfray.compute.shape import Shape
from sfray.config.settings import SftSettings
from sfray.training.sft.loss import count_pieces


def memory(folder: Path, config: SftSettings, longest: int) -> Memory:
    """The peak of a worker by formula, for a micro batch as large as can come.

    Args:
        folder: The model's.
        config: The settings.
        longest: Tokens of the longest row.
    """
    from transformers import AutoConfig

    group, lora = config.sft, config.sft.lora
    found = AutoConfig.from_pretrained(folder, trust_remote_code=config.model.trust_remote_code)
    shape = Shape.of(found, models.parameters(folder))
    rows = group.micro_batch * longest
    positions = rows if group.micro_tokens is None else max(longest, min(group.micro_tokens, group.batch * longest))
    work = Work(
        positions,
        positions,
        count_pieces(positions, shape.vocabulary, group.logits_gib),
        group.gradient_checkpointing,
        width=4 if config.model.dtype == "float32" else 2,
        zero=group.zero,
        workers=group.workers,
        adapters=models.adapter_parameters(folder, lora.target_modules, lora.rank) if lora.rank else 0,
    )
    return sft(shape, work)


def told(memory: Memory, longest: int) -> str:
    """One line about it."""
    parts = ", ".join(f"{name} {size / GIB:.1f}" for name, size in asdict(memory).items())
    return f"sft: by formula a worker takes {memory.total / GIB:.1f} GiB for {longest:,} tokens ({parts})"
