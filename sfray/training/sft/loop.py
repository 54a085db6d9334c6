"""The SFT loop that Ray Train runs in every worker."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfray import models, seeds
from sfray.compute.operations import training
from sfray.config.settings import SftSettings
from sfray.io.files import append, replacing
from sfray.store.artifact import Artifact
from sfray.training.sft.checkpoint import is_resized, load, save
from sfray.training.sft.data import Plan, Rows, share
from sfray.training.sft.engine import accumulation, build, export
from sfray.training.sft.speed import speed
from sfray.training.sft.split import split
from sfray.training.stopping import requested
from sfray.watch.metrics import CHECKPOINT, Meter, tags_of
from sfray.watch.worker import join

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sfray.training.sft.batch import Batch


@dataclass(frozen=True)
class Job:
    """What a worker needs to know. Plain data: it travels.

    Attributes:
        config: The run's config.
        model: Folder or name of the model to start from, as the worker sees it.
        folder: The stage's folder, on storage that every worker sees.
        artifact: What is made there.
    """

    config: SftSettings
    model: str
    folder: str
    artifact: Artifact

    @property
    def data(self) -> Path:
        """The training rows."""
        return Path(self.folder) / "data.parquet"

    @property
    def metrics(self) -> Path:
        """One JSON object per optimizer step."""
        return Path(self.folder) / "metrics.jsonl"

    @property
    def output(self) -> Path:
        """The trained model."""
        return Path(self.folder) / "model"


def plan(config: SftSettings, ids: tuple[str, ...]) -> Plan:
    """Which rows each step of a run sees."""
    return Plan(ids, config.sft.batch, config.sft.epochs, config.sft.max_steps, config.run.seed)


def train_worker(settings: dict[str, Any]) -> None:
    """One worker, from the latest checkpoint to the last step and the exported folder.

    When the driver is asked to end, the workers save the step that they are at and return.

    Args:
        settings: ``{"job": Job}``.
    """
    import ray.train

    job: Job = settings["job"]
    config = job.config
    rank = ray.train.get_context().get_world_rank()
    # Ray Train starts all workers again when one fails: the first one's restarts are those of the group.
    journal = join(job.artifact, *(("group", "group") if rank == 0 else ("rank", f"rank{rank}")))
    rows = Rows(job.data)
    steps = plan(config, rows.ids)
    source = models.resolve(job.model)
    tokenizer = models.load_tokenizer(source, config.model.trust_remote_code)
    world, saved = ray.train.get_context().get_world_size(), ray.train.get_checkpoint()
    engine = build(source, config, steps.steps, world, is_resized(saved, world))
    _check(engine, config)
    adapted = config.sft.lora.rank > 0
    done = load(engine, saved, Path(job.folder), adapted)
    if rank == 0:
        _forget(job.metrics, done)
    for step in range(done, steps.steps):
        metrics = _step(engine, rows, steps, step, job, tokenizer)
        journal.beat()
        if rank == 0:
            append(job.metrics, json.dumps(metrics).encode() + b"\n")
        stopping = _agreed(rank == 0 and requested(Path(job.folder)))
        if stopping or (step + 1) % config.sft.save_every == 0 or step + 1 == steps.steps:
            save(engine, step + 1, metrics, Path(job.folder), adapted)
            Meter(tags_of(job.artifact)).set(CHECKPOINT, time.time())
        if stopping:
            journal.end()
            return
    journal.end()
    export(engine, tokenizer, job.output, config.sft, rank)


def _agreed(asked: bool) -> bool:
    """Whether a worker was asked to stop. Collective: all of them stop after the same step."""
    import ray.train.torch
    import torch
    from torch import distributed

    asking = torch.tensor(float(asked), device=ray.train.torch.get_device())
    distributed.all_reduce(asking)
    return bool(asking)


def _check(engine: Any, config: SftSettings) -> None:
    """Tries the model on two tiny rows. Collective.

    Raises:
        RuntimeError: It cannot be trained with these settings.
    """
    import ray.train.torch

    from sfray.training.sft.batch import packs
    from sfray.training.sft.probe import faults

    engine.eval()
    found = faults(
        engine,
        engine.module.shape.vocabulary,
        ray.train.torch.get_device(),
        config.model.dtype,
        packs(config.model.attention),
        config.sft.logits_gib > 0,
    )
    engine.train()
    if found:
        raise RuntimeError("\n".join(found))


def _batches(rows: Rows, chosen: Sequence[int], job: Job, pad: int) -> list[Batch]:
    """This worker's micro batches of a step; as many for each worker."""
    import ray.train

    from sfray.training.sft.batch import collate, packs

    sft, context = job.config.sft, ray.train.get_context()
    rank, world = context.get_world_rank(), context.get_world_size()
    packed = packs(job.config.model.attention)
    if sft.micro_tokens is None:
        shares = share(chosen, rows.lengths, sft.micro_batch, accumulation(sft, world), rank, world)
    else:
        shares = split(chosen, rows.lengths, sft.micro_tokens, world, packed)[rank]
    return [collate(rows, part, pad, packed) for part in shares]


def _step(
    engine: Any, rows: Rows, steps: Plan, step: int, job: Job, tokenizer: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """One optimizer step over one global batch; returns its metrics.

    The loss is the mean over the assistant's tokens of the *whole* batch. DeepSpeed divides
    by the number of workers and of micro batches, which is undone here. With
    ``sft.micro_tokens`` that number varies, and DeepSpeed is told which one is the last.
    """
    import ray.train
    import ray.train.torch
    import torch
    from torch import distributed

    from sfray.training.sft.loss import count_pieces

    began = time.perf_counter()
    sft, context = job.config.sft, ray.train.get_context()
    rank, world = context.get_world_rank(), context.get_world_size()
    device, shape = ray.train.torch.get_device(), engine.module.shape
    torch.manual_seed(seeds.derive(job.config.run.seed, "sft", step, rank))  # any dropout, also after a resume
    varies = sft.micro_tokens is not None
    batches = _batches(rows, steps.rows(step), job, int(tokenizer.pad_token_id))
    totals = torch.tensor([[0.0, *(getattr(b, name) for name in _SUMS)] for b in batches], dtype=torch.float64)
    totals = totals.sum(0).to(device)
    distributed.all_reduce(totals)
    pieces = torch.tensor([count_pieces(b.loss_tokens, shape.vocabulary, sft.logits_gib) for b in batches])
    pieces = pieces.to(device)
    distributed.all_reduce(pieces, op=distributed.ReduceOp.MAX)  # with ZeRO 3 a piece gathers weights, on all at once
    rate = engine.get_lr()[0]
    scale = world * (1 if varies else len(batches)) / float(totals[1])
    for i, (batch, parts) in enumerate(zip(batches, pieces.tolist(), strict=True)):
        if varies:
            engine.set_gradient_accumulation_boundary(i + 1 == len(batches))
        loss = engine(*batch.to(device).tensors, parts)
        engine.backward(loss * scale, scale_wrt_gas=not varies)
        engine.step()
        totals[0] += loss.detach()
    distributed.all_reduce(totals[:1])
    loss_total, *sums = totals.tolist()
    norm, seconds = engine.get_global_grad_norm(), time.perf_counter() - began
    return {
        "step": step + 1,
        "epoch": round((step + 1) / steps.per_epoch, 4),
        "loss": loss_total / sums[0],
        "lr": rate,
        "grad_norm": None if norm is None else float(norm),
        **{name: int(value) for name, value in zip(_SUMS[:3], sums[:3], strict=True)},
        "workers": world,
        "seconds": round(seconds, 4),
        "tokens_per_second": round(sums[1] / seconds, 1),
        **speed(training(shape, sums[1], sums[0], sums[3], engine.module.adapters), seconds, world, device),
    }


_SUMS = ("loss_tokens", "tokens", "positions", "squares")
"""What of the micro batches is summed over a step and its workers."""


def _forget(path: Path, done: int) -> None:
    """Takes the steps that will be repeated out of ``metrics.jsonl``."""
    kept = [line for line in read_metrics(path) if line["step"] <= done]
    with replacing(path) as temporary:
        temporary.write_text("".join(json.dumps(line) + "\n" for line in kept))


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The steps recorded so far; a line torn by a crash is no record."""
    if not path.exists():
        return []
    complete = path.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in complete.splitlines()]
