"""Checkpoints of SFT: DeepSpeed's files, which Ray Train keeps.

With ZeRO every worker saves its share of the optimizer's state, which as many workers can load. For
another number of them DeepSpeed's own tool sorts the shares by parameter, into a *universal
checkpoint* (https://www.deepspeed.ai/tutorials/universal-checkpointing/).
"""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sfray.io.files import remove_leftovers
from sfray.io.operations import allow

if TYPE_CHECKING:
    from ray.train import Checkpoint

TAG = "deepspeed"
"""DeepSpeed's folder in a checkpoint."""

UNIVERSAL = ".universal.tmp"
"""The universal checkpoint, below the stage's folder, while it is loaded."""


def is_resized(checkpoint: Checkpoint | None, world: int) -> bool:
    """Whether a checkpoint holds the shares of another number of workers.

    Args:
        checkpoint: Ray Train's latest; None where there is none.
        world: Workers now.
    """
    if checkpoint is None:
        return False
    with checkpoint.as_directory() as folder:
        shares = len(list(Path(folder, TAG).glob("*_optim_states.pt")))
    return shares not in (0, world)  # without ZeRO the state is saved whole


def load(engine: Any, checkpoint: Checkpoint | None, folder: Path, adapted: bool) -> int:
    """Restores a checkpoint. Collective: every worker calls it.

    Args:
        engine: As :func:`sfray.training.sft.engine.build` makes it, for a universal checkpoint where it is resized.
        checkpoint: Ray Train's latest; None where there is none.
        folder: The stage's, on storage that every worker sees.
        adapted: Whether adapters are trained: frozen weights are not in a checkpoint, they are the base model's.

    Returns:
        The steps that it has done.

    Raises:
        RuntimeError: It could not be loaded.
    """
    from torch import distributed

    if checkpoint is None:
        return 0
    first = distributed.get_rank() == 0
    universal = folder / UNIVERSAL if engine.load_universal_checkpoint() else None
    decays = [group["weight_decay"] for group in engine.optimizer.param_groups] if universal else []
    with checkpoint.as_directory() as saved:
        if universal and first:
            _convert(Path(saved, TAG), universal / TAG)
        distributed.barrier()
        loaded, state = engine.load_checkpoint(str(universal or saved), tag=TAG, load_module_strict=not adapted)
    if loaded is None:
        raise RuntimeError(f"DeepSpeed found nothing to load in {checkpoint}")
    if universal:
        _separate(engine.optimizer, decays)
        distributed.barrier()
        if first:
            remove_leftovers(folder, UNIVERSAL)
    return int(state["step"])


def _separate(optimizer: Any, decays: list[float]) -> None:
    """Gives every group of weights its own step and weight decay again.

    ZeRO 3 loads the first group's for all (``DeepSpeedZeroOptimizer_Stage3`` of DeepSpeed 0.19.8): one tensor
    that counts a step for each group, and a weight decay for norms and biases too.

    Args:
        optimizer: DeepSpeed's, around PyTorch's.
        decays: Of each group.
    """
    for state in optimizer.optimizer.state.values():
        if "step" in state:
            state["step"] = copy.deepcopy(state["step"])
    for group, decay in zip(optimizer.param_groups, decays, strict=True):
        group["weight_decay"] = decay


def _convert(saved: Path, universal: Path) -> None:
    """Has DeepSpeed's tool write a universal checkpoint. In a process of its own: it prints, and forks."""
    allow(universal)
    remove_leftovers(universal.parents[1], UNIVERSAL)
    tool = [sys.executable, "-m", "deepspeed.checkpoint.ds_to_universal", "--inject_missing_state"]
    ended = subprocess.run(
        [*tool, "--input_folder", str(saved), "--output_folder", str(universal)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(
            f"DeepSpeed could not convert {saved} for another number of workers:\n{ended.stdout[-2000:]}"
        )


def save(engine: Any, step: int, metrics: dict[str, Any], folder: Path, adapted: bool) -> None:
    """Checkpoints: each worker hands its own files to Ray Train, which merges them. Collective.

    Ray Train forgets an old checkpoint only after the new one is whole.

    Args:
        engine: Of DeepSpeed.
        step: Steps done.
        metrics: Of the last one, for Ray Train.
        folder: The stage's; its guard is asked whether this process may still write there.
        adapted: Whether adapters are trained: frozen weights are left out.
    """
    import ray.train

    with TemporaryDirectory() as temporary:
        engine.save_checkpoint(
            temporary,
            tag=TAG,
            client_state={"step": step},
            save_latest=False,
            exclude_frozen_parameters=adapted,
        )
        allow(folder)
        ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(temporary))
