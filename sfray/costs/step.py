"""What one step costs: seconds, cores or GPUs, and disk."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from sfray.costs.rates import Rates
from sfray.costs.volume import Volume
from sfray.deploy.needs import BYTES, checkpoint
from sfray.graph import Step

ROW_BYTES, TOKEN_BYTES = 55, 1.2
"""Disk for a row and for a token of it: as measured on compressed Parquet of the embedded model's texts."""

_OWN = {
    "pretrained": (0.1, 0.0),
    "questions": (0.1, 0.0003),
    "quality": (0.1, 0.0001),
    "select": (0.2, 0.0001),
    "traces": (3.9, 0.00018),
    "results": (0.3, 0.00015),
}
"""Seconds of what needs no model, measured on two cores: to begin with, and for a row that is read."""


@dataclass(frozen=True)
class Cost:
    """What one step is expected to cost.

    Attributes:
        seconds: Wall time.
        most: The same if every response were as long as it may be.
        units: Engines, workers or ranks at work.
        disk: Bytes that stay.
        peak: Bytes on disk at most while it works.
    """

    seconds: float
    most: float
    units: float
    disk: float
    peak: float


def cost(step: Step, volume: Volume, read: float, rates: Rates, parameters: int, follows: bool = False) -> Cost:
    """What a step costs.

    Args:
        step: The step.
        volume: Its work.
        read: Rows of what it reads.
        rates: How fast the hardware is.
        parameters: Of the model.
        follows: Whether it is made in one go with the step before, whose engines it goes on with.
    """
    if follows and rates.engine_next is not None:
        rates = replace(rates, engine_start=rates.engine_next)
    if step.kind == "sft":
        return _sft(step, volume, rates, parameters)
    if step.kind == "grpo":
        return _grpo(step, volume, rates, parameters)
    text = volume.rows * ROW_BYTES + volume.tokens * TOKEN_BYTES
    if step.stage.runs_model and volume.shards:
        seconds, units = _sampled(step, volume, volume.tokens, volume.rows, rates)
        most, _ = _sampled(step, volume, volume.tokens_most, volume.most, rates)
        return Cost(seconds, most, units, text, text)
    begin, each = _OWN.get(step.kind, (0.0, 0.0))
    seconds = begin + each * (read or volume.rows)
    return Cost(seconds, seconds, 1, text, text)


def _sampled(step: Step, volume: Volume, tokens: float, rows: float, rates: Rates) -> tuple[float, int]:
    """Seconds and engines of a pool that works off shards."""
    engine = step.settings.engine
    engines = min(engine.actors, volume.shards)
    # The last wave of shards leaves engines idle.
    share = math.ceil(volume.shards / engines) / volume.shards
    if not rows:
        return rates.engine_start, engines
    together = engine.at_once(volume.shards) * rows / volume.shards / volume.rounds
    batch = max(1.0, min(engine.max_num_seqs, together))
    context = volume.prompt + tokens / rows / 2
    worked = volume.prompts * volume.prompt * rates.prefill + tokens / rates.decode_speed(context, batch)
    return rates.engine_start + worked * share, engines


def _sft(step: Step, volume: Volume, rates: Rates, parameters: int) -> Cost:
    settings = step.settings
    sft = settings.sft

    def seconds(tokens: float, rows: float) -> float:
        """Of so many trained tokens in so many rows."""
        return rates.sft_start + (tokens / rates.sft_speed(tokens / rows) / sft.workers if rows else 0.0)

    model, saved = parameters * BYTES[settings.model.dtype], checkpoint(settings, parameters)
    kept = min(sft.keep, max(1, math.ceil(volume.steps / sft.save_every)))
    data = volume.tokens / sft.epochs * TOKEN_BYTES
    disk = model + kept * saved + data
    return Cost(
        seconds(volume.tokens, volume.rows), seconds(volume.tokens_most, volume.most), sft.workers, disk, disk + saved
    )


def _grpo(step: Step, volume: Volume, rates: Rates, parameters: int) -> Cost:
    settings = step.settings
    grpo = settings.grpo
    ranks = grpo.nodes * grpo.ranks_per_node

    def seconds(tokens: float) -> float:
        """Of so many generated tokens; validations grow with them."""
        stretched = volume.validation * (tokens / volume.tokens if volume.tokens else 0)
        in_a_step = (tokens + volume.rows * volume.prompt) / max(grpo.steps, 1)
        steps = grpo.steps * rates.grpo_step_seconds(in_a_step, ranks)
        return rates.grpo_start + rates.grpo_first + steps + stretched * rates.validation / ranks

    # verl keeps float32 weights and both of Adam's moments.
    model, saved = parameters * BYTES[settings.model.dtype], 12 * parameters
    kept = min(grpo.keep, max(1, grpo.steps // grpo.save_every))
    disk = model + kept * saved
    return Cost(seconds(volume.tokens), seconds(volume.tokens_most), ranks, disk, disk + saved)
