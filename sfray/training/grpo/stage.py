"""GRPO: verl trains against the 0/1 reward, a plain Hugging Face folder comes out.

train.parquet, validation.parquet   the questions in verl's schema
verl.log                            everything verl and its workers print
steps/                              verl's own record, one file per launch
metrics.jsonl                       one line per step
checkpoints/global_step_<n>/        what a rerun resumes from
model/                              the trained model
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sfray import cluster, models, prompts
from sfray.artifacts import Questions
from sfray.config.settings import GrpoSettings
from sfray.errors import REFUSED
from sfray.io.operations import allow
from sfray.progress import Bar, console
from sfray.store.artifact import Artifact
from sfray.store.sessions import Span
from sfray.training.grpo import data, export, guard, metrics, probe, process
from sfray.training.grpo.failure import explain
from sfray.training.grpo.following import Following
from sfray.training.grpo.overrides import Paths, command, quoted
from sfray.training.stopping import stoppable
from sfray.watch.watchdog import Watchdog
from sfray.watch.worker import join

_ROOT = Path(__file__).resolve().parents[3]


class GrpoError(RuntimeError):
    """Training ended without having done what was asked."""


class RolloutStale(GrpoError):
    """The rollout's probabilities were not the actor's; the same command would meet with that again."""

    exit_status = REFUSED


class VerlFailed(GrpoError):
    """verl ended by itself, with an error."""


def train(config: GrpoSettings, output: Artifact, model: str, questions: Questions, validation: Questions) -> None:
    """Trains, or goes on from the last checkpoint. On CPU verl starts a Ray instance of its own.

    Args:
        config: The settings.
        output: Where the model goes.
        model: The model to start from, as :func:`sfray.models.folder.resolve` takes it.
        questions: What to train on.
        validation: What the accuracy along the way is measured on.

    Raises:
        RewardBroken: A synthetic right or wrong answer got the wrong reward.
        RolloutStale: The rollout's probabilities were not the actor's.
        GrpoError: verl failed, hung, or did not do every step.
        KeyboardInterrupt: This process was asked to end; verl has saved the step that it was at, if it could within
            ``cluster.grace_seconds``.
    """
    folder = output.path.resolve()
    process.end_leftovers(folder)
    start = models.resolve(model)
    tokenizer = models.load_tokenizer(start, config.model.trust_remote_code)
    wording = prompts.load(config.prompts)
    rows, rejects = data.write(config, wording, questions, validation, tokenizer, folder)
    if warning := data.left_out(rejects, len(rows), config.grpo.max_prompt):
        console.print(f"warning: {warning}", style="bold yellow", markup=False)
    probed = _probe(rows, tokenizer)
    paths = Paths(
        str(start.resolve()) if model in models.EMBEDDED else models.anywhere(model),
        folder / "train.parquet",
        folder / "validation.parquet",
        folder / "checkpoints",
        process.ray_folder(folder),
    )
    earlier, began = len(metrics.read(folder)), time.time()
    _train(config, output, paths, len(rows))
    trained_by = time.time()
    export.prune(paths.checkpoints, config.grpo.keep)  # a driver that died right after the last one did not
    recorded = _finished(config, folder, paths)
    trained = folder / "model"
    last = paths.checkpoints / f"global_step_{config.grpo.steps}"
    export.export(last, start, trained, config.model.trust_remote_code)
    shown = models.check_folder(trained, config.model.trust_remote_code)
    _compare(start, trained, shown, models.chat_template_hash(tokenizer))
    output.spent(*_spans(began, trained_by, recorded[earlier:]))
    output.commit(
        counts={
            "prompts": len(rows),
            "steps": config.grpo.steps,
            "rollouts": config.grpo.steps * config.grpo.batch * config.grpo.n,
            "tokens": sum(line.get("tokens", 0) for line in recorded),
        },
        metrics={
            **_summary(recorded),
            "validation_before": metrics.validation_before(folder),
            "reward_probe": probed,
            "prompts_digest": wording.digest,
            **asdict(shown),
        },
        rejects=rejects,
    )


def _spans(began: float, ended: float, recorded: list[dict[str, Any]]) -> list[Span]:
    """What was not work: verl's processes, imports and checkpoints; and, from ``ended`` until now, the export.

    Args:
        began: When verl was started, in seconds since the epoch.
        ended: When it was done.
        recorded: The steps that it did meanwhile.
    """
    worked = sum(line["seconds"] + line.get("seconds_validation", 0.0) for line in recorded)
    return [
        Span(name="workers", began=began, ended=max(began, ended - worked)),
        Span(name="export", began=ended, ended=time.time()),
    ]


def _probe(rows: list[dict[str, Any]], tokenizer: Any) -> str:
    """Probes the reward, where a right answer is known."""
    row = probe.first_answered(rows)
    if row is None:
        return "skipped: no training question has a known answer"
    probe.probe_tokenizer(
        tokenizer,
        row["prompt"],
        row["data_source"],
        row["reward_model"]["ground_truth"],
        row["extra_info"]["answer"],
    )
    return "passed"


def _train(config: GrpoSettings, output: Artifact, paths: Paths, rows: int) -> None:
    """Trains to the last step; after a failure again, from the last checkpoint.

    A launch that did not get a step further than the one before has not met with an
    accident, so it is not repeated. Where nodes were lost with it, it waits for others.
    """
    folder, furthest, watchdog = output.path.resolve(), 0, None
    for failures in range(config.grpo.max_failures + 1):
        resumed = export.last_step(paths.checkpoints)
        if resumed >= config.grpo.steps:
            return
        watchdog = _await_nodes(config, output, watchdog)
        try:
            _launch(config, output, paths, rows, resumed)
            return
        except VerlFailed as error:
            reached = max([line["step"] for line in metrics.read(folder)], default=0)
            if reached <= max(furthest, resumed) or failures == config.grpo.max_failures:
                raise
            furthest = reached
            console.print(f"{error}\nstarting verl again: {failures + 1} of {config.grpo.max_failures}", markup=False)
            process.end_leftovers(folder)


def _await_nodes(config: GrpoSettings, output: Artifact, watchdog: Watchdog | None) -> Watchdog | None:
    """Waits until the cluster has room for verl, at most ``cluster.wait_minutes``; tells which nodes were lost.

    Only verl is on the cluster while it works, so this looks before each launch, and leaves the cluster then.

    Args:
        config: The settings.
        output: What is made.
        watchdog: What the launch before was preceded by; it knows the nodes that were there.

    Raises:
        NoRoom: The cluster has none by then.
    """
    if not config.grpo.joins_cluster(config.engine.device) or cluster.chosen_address(config.cluster) == "local":
        return None
    cluster.connect(config.cluster)
    try:
        watchdog = watchdog or Watchdog(output, "grpo", config.cluster.silent_minutes)
        watchdog.look(now=True)
        cluster.require_room(config.cluster, lambda alive: shortage(config, alive))
    finally:
        cluster.disconnect()
    return watchdog


def shortage(config: GrpoSettings, alive: Sequence[Mapping[str, float]]) -> str | None:
    """Says that the nodes do not hold all ranks: verl would fail of it at once.

    Args:
        config: The settings.
        alive: What each node has that is alive: ``CPU`` and ``GPU``.
    """
    nodes, ranks = config.grpo.nodes, config.grpo.ranks_per_node
    there = cluster.room(alive, gpus=ranks)
    if there >= nodes:
        return None
    return (
        f"grpo: the nodes that are alive have room for {there} of grpo.nodes = {nodes} (grpo.ranks_per_node = {ranks} "
        f"GPUs each): it goes on from the last checkpoint when others join"
    )


def _launch(config: GrpoSettings, output: Artifact, paths: Paths, rows: int, resumed: int) -> None:
    """Runs verl from the last checkpoint to the last step, with a progress bar."""
    folder = output.path.resolve()
    join(output, "process", "verl")
    steps = metrics.new_file(folder, resumed)
    address = "auto" if os.environ.get("RAY_ADDRESS", "local") != "local" else config.cluster.address
    environment = child_environment(config, steps, private=address == "local") | Following.environment(output, folder)
    arguments = [sys.executable, "-u", "-m", "sfray.training.grpo.main", f"hydra.run.dir={quoted(folder / 'hydra')}"]
    log = folder / "verl.log"
    offset = log.stat().st_size if log.exists() else 0
    limits = process.Limits(60 * config.grpo.timeout_minutes, 60 * config.engine.timeout_minutes)
    bar = Bar("grpo", config.grpo.steps, "steps")
    with stoppable(folder, "grpo", config.cluster.grace_seconds) as stop, bar:
        bar.update(resumed, "starting verl")

        seen = 0

        def look() -> None:
            """Prunes checkpoints and shows what steps are new; raises when another driver has taken over."""
            nonlocal seen
            stop.look()
            allow(folder)
            export.prune(paths.checkpoints, config.grpo.keep)
            size = steps.stat().st_size if steps.exists() else 0
            if size == seen:
                return
            seen = size
            recorded = metrics.read(folder)
            if recorded and recorded[-1]["step"] > bar.done:
                stop.stepped = True
                metrics.write(folder, recorded)
                bar.update(recorded[-1]["step"], describe(recorded[-1]))

        try:
            code = process.run(
                [*arguments, *command(config, paths, rows, address)], environment, folder, limits, on_poll=look
            )
        except process.GrpoStopped as error:
            raise GrpoError(explain(log, offset, str(error))) from error
        stop.ended(export.last_step(paths.checkpoints) if code == 0 else None, config.grpo.steps)
    if code == guard.STOPPED:
        raise RolloutStale(explain(log, offset, "the guard on the rollout's weights stopped verl"))
    if code != 0:
        raise VerlFailed(explain(log, offset, f"verl ended with exit code {code}"))


def child_environment(config: GrpoSettings, steps: Path, private: bool) -> dict[str, str]:
    """The environment of verl: ours, and what verl needs.

    Args:
        config: The whole config.
        steps: Where verl's file logger writes.
        private: Whether verl starts a Ray instance of its own, as it always does on the CPU of one node.
            What ties this process to a Ray job is left out then.
    """
    private = private or not config.grpo.joins_cluster(config.engine.device)
    environment = {k: v for k, v in os.environ.items() if not (private and k.startswith("RAY_"))}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    environment |= {
        "VERL_FILE_LOGGER_PATH": str(steps),
        "HYDRA_FULL_ERROR": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        # Its reports of idling would keep the watch from seeing a hang.
        "TQ_PERF_LOG_FLUSH_INTERVAL": "inf",
    }
    if config.engine.device == "cpu":
        from sfray.training.grpo.verl_cpu import environment as cpu

        environment |= cpu(config.engine.threads)
    return environment


def describe(line: Mapping[str, Any]) -> str:
    """A step's figures, in words."""
    text = f"reward {line['reward']:.3f}  length {line['response_length']:.0f}  {line['seconds']:.1f} s"
    if "padded" in line:
        text += f"  padded {line['padded']:.0%}  idle {line['idle']:.0%}"
    if "validation_accuracy" in line:
        text += f"  validation {line['validation_accuracy']:.3f}"
    return text


def _finished(config: GrpoSettings, folder: Path, paths: Paths) -> list[dict[str, Any]]:
    """The record of every step; verl can end with success and have trained nothing."""
    reached = export.last_step(paths.checkpoints)
    if reached != config.grpo.steps:
        raise GrpoError(
            f"grpo: verl ended with success, but its last checkpoint is of step {reached} of grpo.steps = "
            f"{config.grpo.steps}; see {folder / 'verl.log'}"
        )
    recorded = metrics.read(folder)
    if missing := metrics.unrecorded(folder, recorded, config.grpo.steps):
        raise GrpoError(f"grpo: no record of step(s) {missing} of {config.grpo.steps} in {folder / 'steps'}")
    metrics.write(folder, recorded)
    return recorded


def _compare(start: Path, model: Path, shown: models.Folder, template: str) -> None:
    """Raises if the trained folder is not what the next stage was promised."""
    if shown.chat_template != template:
        raise GrpoError(f"{model}: its chat template is not that of {start}")
    if export.unchanged(start, model):
        raise GrpoError(f"{model}: training left every weight as it was in {start}")


def _summary(recorded: list[dict[str, Any]]) -> dict[str, Any]:
    """First and last rewards (means over a tenth of the steps), and the median step."""
    if not recorded:
        return {}
    tenth = max(1, len(recorded) // 10)
    mean = {
        name: sum(r["reward"] for r in part) / tenth
        for name, part in (("first_reward", recorded[:tenth]), ("last_reward", recorded[-tenth:]))
    }
    return {**mean, "step_seconds": sorted(r["seconds"] for r in recorded)[len(recorded) // 2]}
