"""SFT: silver traces in, a plain Hugging Face folder out (Ray Train + DeepSpeed).

data.parquet        the traces as token ids, written once
metrics.jsonl       one line per optimizer step
train/              Ray Train's own folder: checkpoints
model/              the trained model
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from sfray import models
from sfray.artifacts import Traces
from sfray.cluster import nodes, room
from sfray.compute.hardware import GIB
from sfray.config.settings import SftSettings
from sfray.io.arrow import from_table, to_table
from sfray.io.files import remove, remove_leftovers
from sfray.io.parquet import write_table
from sfray.progress import console
from sfray.records import Reject
from sfray.store.artifact import Artifact
from sfray.store.sessions import Span
from sfray.training.progress import following
from sfray.training.sft import data
from sfray.training.sft.checkpoint import UNIVERSAL
from sfray.training.sft.engine import environment
from sfray.training.sft.loop import Job, plan, read_metrics, train_worker
from sfray.training.stopping import stoppable
from sfray.watch.metrics import Meter, tags_of
from sfray.watch.watchdog import Watchdog, WorkerSilent, end_all

if TYPE_CHECKING:
    from ray.train.torch import TorchTrainer

START_SECONDS = 600
"""How long Ray Train waits for room for its workers, before it asks for it again."""

RECOUNT_SECONDS = 30
"""The same for a group that may be smaller, which is then sized again: right after a loss the node is still counted."""


class SftError(RuntimeError):
    """Training ended without having done what was asked."""


def train(config: SftSettings, output: Artifact, model: str, traces: Traces) -> None:
    """Trains, or goes on from the last checkpoint. Ray is running.

    Args:
        config: The settings.
        output: Where the model goes.
        model: The model to start from, as :func:`sfray.models.folder.resolve` takes it.
        traces: What to train on.

    Raises:
        SftError: There is nothing to train on, the model lacks a module of ``sft.lora``, workers failed more often than
            ``sft.max_failures``, or not every step was done.
        KeyboardInterrupt: This process was asked to end; the workers have saved the step that they were at, if they
            could within ``cluster.grace_seconds``.
    """
    folder = output.path.resolve()
    job = Job(config, models.anywhere(model), str(folder), output)
    source = models.resolve(model)
    if faults := list(models.target_faults(source, config.sft.lora.target_modules)) if config.sft.lora.rank else []:
        raise SftError("\n".join(faults))
    tokenizer = models.load_tokenizer(source, config.model.trust_remote_code)
    rejects = _prepare(job, traces, tokenizer)
    rows = data.Rows(job.data)
    if not len(rows):
        raise SftError(f"sft: no trace to train on in {traces.path} ({len(rejects)} too long for sft.max_length)")
    _tell_memory(source, config, int(rows.lengths.max()))
    steps = plan(config, rows.ids).steps
    earlier, began = len(read_metrics(job.metrics)), time.time()
    _train(job, steps)
    ended, recorded = time.time(), read_metrics(job.metrics)
    if [line["step"] for line in recorded] != list(range(1, steps + 1)):
        raise SftError(f"sft: {len(recorded)} of {steps} steps are recorded in {job.metrics}")
    worked = sum(line["seconds"] for line in recorded[earlier:])
    # Processes, imports, checkpoints: all of the training that was not its steps.
    output.spent(Span(name="workers", began=began, ended=max(began, ended - worked)))
    shown = models.check_folder(job.output, config.model.trust_remote_code)
    _compare(config, shown, models.chat_template_hash(tokenizer), job)
    output.commit(
        counts={
            "traces": len(rows),
            "steps": steps,
            "tokens": sum(line["tokens"] for line in recorded),
            "loss_tokens": sum(line["loss_tokens"] for line in recorded),
        },
        metrics={**_summary(recorded), **asdict(shown)},
        rejects=rejects,
    )


def _tell_memory(source: Path, config: SftSettings, longest: int) -> None:
    """Says what a worker will hold, where it is enough to think of."""
    from sfray.training.sft.sizing import memory, told

    if (expected := memory(source, config, longest)).total >= GIB:
        console.print(told(expected, longest), style="dim", markup=False)


def _prepare(job: Job, traces: Traces, tokenizer: Any) -> list[Reject]:
    """Tokenises the traces, once; returns those that are too long."""
    left_out = Path(job.folder) / "too_long.parquet"
    if not job.data.exists():
        remove(left_out)
    if not left_out.exists():
        rejects = data.write(traces.files, job.data, tokenizer, job.config.sft.max_length)
        write_table(left_out, to_table(Reject, rejects))
    return from_table(Reject, pq.read_table(left_out))


def _train(job: Job, steps: int) -> None:
    """Trains, with a progress bar; continues from the last checkpoint below the stage's folder."""
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig, TrainingFailedError

    config, sft = job.config, job.config.sft
    elastic = sft.fewest_workers < sft.workers
    os.environ["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = str(RECOUNT_SECONDS if elastic else START_SECONDS)
    for leftover in (".model.*.tmp", UNIVERSAL):
        remove_leftovers(Path(job.folder), leftover)
    gpu = config.engine.device == "cuda"
    trainer = _trainer(config.cluster.address == "local")(
        train_worker,
        train_loop_config={"job": job},
        scaling_config=ScalingConfig(
            # An elastic group is as large as there is room for whenever it starts, and keeps that size while it runs.
            num_workers=(sft.fewest_workers, sft.workers) if elastic else sft.workers,  # type: ignore[arg-type] # of Ray Train V2
            elastic_resize_monitor_interval_s=math.inf,  # type: ignore[call-arg] # of Ray Train V2
            use_gpu=gpu,
            resources_per_worker={"CPU": sft.cpus_per_worker} | ({"GPU": 1} if gpu else {}),
        ),
        run_config=RunConfig(
            name="train",
            storage_path=job.folder,
            failure_config=FailureConfig(max_failures=sft.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=sft.keep),
            worker_runtime_env={  # type: ignore[call-arg] # of Ray Train V2
                "env_vars": environment(config.engine.device, sft.cpus_per_worker)
            },
        ),
    )
    watch = _Watch(job)
    with stoppable(Path(job.folder), "sft", config.cluster.grace_seconds) as stop:

        def stepped(line: Mapping[str, Any]) -> None:
            """Takes note of a step that is new."""
            stop.stepped = True
            watch.step(line)

        def look() -> None:
            """Looks after the workers."""
            stop.look()
            watch.look()

        try:
            with following("sft", steps, lambda: read_metrics(job.metrics), _figures, stepped, look):
                result = trainer.fit()
            watch.look(now=True)
        except TrainingFailedError as error:
            stop.ended(None, steps)
            raise SftError(_explain(error, job)) from watch.silent or error
        stop.ended((result.metrics or {}).get("step", steps), steps)


class _Watch:
    """Looks after the workers. Those that fall silent are ended, which Ray Train takes for a failure.

    Attributes:
        silent: The last time that they were.
    """

    def __init__(self, job: Job) -> None:
        self.silent: WorkerSilent | None = None
        self._meter = Meter(tags_of(job.artifact))
        self._watchdog = Watchdog(job.artifact, "sft", job.config.cluster.silent_minutes)
        self._config = job.config
        self._asked, self._told = 0.0, ""
        self._workers = job.config.sft.workers

    def step(self, line: Mapping[str, Any]) -> None:
        """Takes note of a step that is new; says with how many workers, where that has changed."""
        self._meter.training_step(line)
        if line["workers"] != self._workers:
            self._workers = line["workers"]
            console.print(
                f"sft: from step {line['step']} on with {self._workers} of sft.workers = {self._config.sft.workers}"
            )

    def look(self, now: bool = False) -> None:
        """Looks, if it is time to, or at the end."""
        if not now and time.monotonic() - self._asked >= self._watchdog.interval:
            self._asked = time.monotonic()
            self._tell(shortage(self._config, nodes()) or "")
        try:
            self._watchdog.look(now)
        except WorkerSilent as error:
            self.silent = error
            console.print(f"warning: {error}\nThey are ended.", style="bold yellow", markup=False)
            end_all(error.silent)

    def _tell(self, short: str) -> None:
        """Says once that there is no room for the workers."""
        if short and short != self._told:
            console.print(f"warning: {short}", style="bold yellow", markup=False)
        self._told = short


def shortage(config: SftSettings, alive: Sequence[Mapping[str, float]]) -> str | None:
    """Says that the nodes do not hold enough workers: Ray Train waits then, without a word, until they do.

    Args:
        config: The settings.
        alive: What each node has that is alive: ``CPU`` and ``GPU``.
    """
    sft, gpu = config.sft, config.engine.device == "cuda"
    there = room(alive, sft.cpus_per_worker, 1 if gpu else 0)
    if there >= sft.fewest_workers:
        return None
    what = "1 GPU and " if gpu else ""
    return (
        f"sft: the nodes that are alive have room for {there} of {sft.fewest_key} = {sft.fewest_workers} ({what}"
        f"{sft.cpus_per_worker:g} CPUs each): it waits for another node, and goes on from the last checkpoint"
    )


def _explain(error: Exception, job: Job) -> str:
    """The root cause, where to read more, and what to try."""
    failures = getattr(error, "worker_failures", {})
    cause = str(next(iter(failures.values()), error)).strip()
    hint = "The same command continues from the last checkpoint."
    if "died" in cause or "SIGKILL" in cause:
        keys = "lower sft.micro_batch, sft.micro_tokens or sft.logits_gib, or raise sft.zero"
        hint = f"A worker process was killed, often for lack of memory: {keys}. {hint}"
    return (
        f"sft: training failed after {len(read_metrics(job.metrics))} steps and more than sft.max_failures = "
        f"{job.config.sft.max_failures} restarts:\n{cause}\nWorkers' logs: {_logs()}\n{hint}"
    )


def _logs() -> str:
    """Where Ray's logs are: a folder of this node, if one runs here."""
    import ray

    node = ray._private.worker.global_worker.node
    return str(node.get_logs_dir_path()) if node else "on the cluster's nodes"


def _trainer(local: bool) -> type[TorchTrainer]:
    """Ray's trainer without its handler of Ctrl-C, which ends the workers at once and exits by itself.

    On a local cluster also without two watchers that a process each would run. They free a dead driver's
    resources and react to spot instances going away. A local cluster ends with its driver, and its state service,
    which they ask, may be off.
    """
    from ray.train.torch import TorchTrainer
    from ray.train.v2._internal.callbacks.placement_group_callback import (
        PlacementGroupCleanerCallback,
    )

    class Trainer(TorchTrainer):
        """Ray Train that leaves signals to :mod:`sfray.training.stopping`."""

        def _register_sigint_handler(self, controller: Any) -> None:
            """Does nothing."""

    if not local:
        return Trainer
    os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")

    class LocalTrainer(Trainer):
        """Ray Train without its cleaner of placement groups: a local Ray ends with its driver."""

        def _create_default_callbacks(self) -> list[Any]:
            callbacks = super()._create_default_callbacks()  # type: ignore[misc] # of Ray Train V2
            return [c for c in callbacks if not isinstance(c, PlacementGroupCleanerCallback)]

    return LocalTrainer


def _figures(line: Mapping[str, Any]) -> str:
    arithmetic = f"  {line['tflops']:.3g} TFLOP/s" if "tflops" in line else ""  # a resumed run may have older lines
    share = f" ({line['mfu']:.0%} MFU)" if "mfu" in line else ""
    padded = f"  {_padded([line]):.1%} padding" if "positions" in line else ""
    return f"loss {line['loss']:.4f}  {line['tokens_per_second']:,.0f} tokens/s{arithmetic}{share}{padded}"


def _padded(lines: Sequence[Mapping[str, Any]]) -> float:
    """Share of the positions that were padding."""
    return 1 - sum(line["tokens"] for line in lines) / sum(line["positions"] for line in lines)


def _compare(config: SftSettings, shown: models.Folder, template: str, job: Job) -> None:
    """Raises if the trained folder is not what the next stage was promised."""
    if shown.dtype != config.model.dtype:
        raise SftError(f"{job.output}: weights are {shown.dtype}, model.dtype is {config.model.dtype}")
    if shown.chat_template != template:
        raise SftError(f"{job.output}: its chat template is not that of {job.model}")


def _summary(recorded: list[dict[str, Any]]) -> dict[str, Any]:
    """First and last loss, throughput without the first step, which also warms up, and the share of padding."""
    measured = [line for line in recorded if "positions" in line]  # a resumed run may have older lines
    steady = recorded[1:] or recorded
    seconds = sum(line["seconds"] for line in steady)
    return {
        "first_loss": recorded[0]["loss"],
        "last_loss": recorded[-1]["loss"],
        "tokens_per_second": round(sum(line["tokens"] for line in steady) / seconds, 1),
        **({"padded": round(_padded(measured), 4)} if measured else {}),
    }
