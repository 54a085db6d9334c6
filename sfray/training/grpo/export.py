"""From verl's checkpoint to a plain Hugging Face folder, in the type that was trained.

verl's own merger casts every weight to bfloat16, so the shards are joined here.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfray.io.files import discard, replacing
from sfray.models import load_generation_config, load_tokenizer, weights

if TYPE_CHECKING:
    import torch

TRACKER = "latest_checkpointed_iteration.txt"
"""verl writes it after a checkpoint is whole."""


class ExportError(RuntimeError):
    """A checkpoint cannot become a model folder."""


def last_step(checkpoints: Path) -> int:
    """The step of the last whole checkpoint; 0 without one."""
    tracker = checkpoints / TRACKER
    if not tracker.exists() or not tracker.read_text().strip():
        return 0
    step = int(tracker.read_text())
    return step if (checkpoints / f"global_step_{step}").is_dir() else 0


def steps(checkpoints: Path) -> list[int]:
    """The steps that have a checkpoint folder, whole or not."""
    return sorted(int(p.name.rpartition("_")[2]) for p in checkpoints.glob("global_step_*"))


def prune(checkpoints: Path, keep: int) -> list[int]:
    """Deletes all but the ``keep`` newest whole checkpoints; never the one that verl resumes from.

    verl itself deletes an old one before the new one is whole, so it is told to keep all.

    Returns:
        The steps that were deleted.
    """
    newest = last_step(checkpoints)
    old = [s for s in steps(checkpoints) if s <= newest][:-keep]
    for step in old:
        discard(checkpoints / f"global_step_{step}")
    return old


def export(checkpoint: Path, base: Path, target: Path, trust_remote_code: bool = False) -> None:
    """Writes the model of a checkpoint with the tokenizer and generation config of ``base``.

    Args:
        checkpoint: A ``global_step_<n>`` folder.
        base: The folder that training started from.
        target: The new folder; written beside its place first.

    Raises:
        ExportError: A shard is missing, or the weights are not those of the model.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    merged = merge(checkpoint / "actor")
    types = {w.dtype for w in merged.values() if w.is_floating_point()}
    if len(types) != 1:
        raise ExportError(f"{checkpoint}: weights of several types: {sorted(map(str, types))}")
    (dtype,) = types
    config = AutoConfig.from_pretrained(base, trust_remote_code=trust_remote_code)
    config.dtype = dtype
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    try:
        model.load_state_dict(merged, strict=True, assign=True)
    except RuntimeError as error:
        raise ExportError(f"{checkpoint}: {error}") from error
    model.tie_weights()
    if (generation := load_generation_config(base)) is not None:
        model.generation_config = generation
    with replacing(target) as temporary:
        model.save_pretrained(temporary)
        load_tokenizer(base, trust_remote_code).save_pretrained(temporary)
        for code in base.glob("*.py"):
            shutil.copy2(code, temporary)


def merge(actor: Path) -> dict[str, torch.Tensor]:
    """Joins the FSDP2 shards of all ranks, in the type they have.

    Raises:
        ExportError: A shard or the description of the shards is missing.
    """
    import torch

    description = actor / "fsdp_config.json"
    if not description.exists():
        raise ExportError(f"{actor} has no fsdp_config.json")
    world = json.loads(description.read_text())["world_size"]
    files = [actor / f"model_world_size_{world}_rank_{rank}.pt" for rank in range(world)]
    if missing := [f.name for f in files if not f.exists()]:
        raise ExportError(f"{actor} lacks {', '.join(missing)}")
    # It warns, once a rank, that the ranks' process groups are not here. Nothing is sent: the parts are only joined.
    logging.getLogger("torch.distributed.device_mesh").setLevel(logging.ERROR)
    # These files were written by the run itself and hold DTensors, which need full unpickling.
    shards = [torch.load(f, map_location="cpu", weights_only=False) for f in files]
    # Taken out of the shards as they are joined: a model and its shards need not fit into memory together.
    return {name: join(name, [shard.pop(name) for shard in shards]) for name in list(shards[0])}


def join(name: str, parts: Sequence[Any]) -> torch.Tensor:
    """One weight from the parts of all ranks, in the order of ranks.

    Args:
        name: Of the weight, for errors.
        parts: DTensors over one mesh dimension, or plain tensors that every rank has whole.

    Raises:
        ExportError: It is sharded in a way that FSDP2 on one mesh dimension does not make.
    """
    import torch
    from torch.distributed.tensor import DTensor

    if not isinstance(parts[0], DTensor):
        return parts[0].clone()
    placements = parts[0].placements
    if len(placements) != 1 or placements[0].is_partial():
        raise ExportError(f"{name}: sharded as {placements}; only FSDP2 over one mesh dimension can be joined")
    local = [part._local_tensor for part in parts]
    if placements[0].is_replicate():
        return local[0].clone()
    whole = torch.cat(local, dim=placements[0].dim).contiguous()  # type: ignore[attr-defined] # a Shard by now
    if whole.shape != parts[0].shape:
        raise ExportError(f"{name}: the shards make {tuple(whole.shape)}, the weight has {tuple(parts[0].shape)}")
    return whole


def unchanged(before: Path, after: Path) -> bool:
    """Whether two model folders hold equal weights, compared tensor by tensor.

    Raises:
        sfray.models.ModelError: They have no weight in common: nothing was compared.
    """
    return weights.equal(before, after)
