"""An estimate where nothing was measured: the time that arithmetic or memory would take, whichever is longer.

A formula, not a measurement. Peaks are the makers' (dense, no sparsity); the shares of them that engines reach are
round figures: 40 % of the arithmetic and 60 % of the bandwidth.
"""

from __future__ import annotations

import math

from sfray.compute.hardware import CPU_CORE, GPUS
from sfray.config import Config
from sfray.costs.entry import Entry
from sfray.costs.rates import Lengths, Rates
from sfray.deploy.needs import BYTES

ARITHMETIC, BANDWIDTH = 0.4, 0.6
"""Shares of the peaks that are reckoned with."""

_START = {"cpu": (14.0, 12.0, 55.0), "gpu": (120.0, 120.0, 300.0)}
"""Seconds until engines, SFT and GRPO work; for GPUs assumed, with compilation and CUDA graphs."""

ASSUMED = Lengths(
    prompt=200,
    attempt=300,
    reflection=250,
    traced=0.4,
    longest=2000,
    rollout=0.4,
    after_grpo=0.4,
    accuracy=0.2,
    accuracy_trained=0.3,
    traces=0.25,
    trace=1500,
)
"""What a model is assumed to write where it was not measured."""


def cache_bytes(parameters: int, dtype: str) -> float:
    """Bytes of KV cache for a token: 0.35 values times the root of the parameters, in keys and values.

    Qwen2.5's 1.5B (28 layers, 2 heads of 128) has 0.37, its 7B (28 layers, 4 heads) 0.33; models without grouped
    queries have several times as much.
    """
    return 0.35 * math.sqrt(parameters) * BYTES[dtype]


def estimate(hardware: str, parameters: int, config: Config) -> Entry:
    """The entry that a formula gives.

    Args:
        hardware: A name of :data:`GPUS`, or ``cpu``.
        parameters: Of the model.
        config: Its engine's settings count: sequences at a time, tensor parallel, share of memory.
    """
    engine, dtype = config.engine, config.model.dtype
    one = CPU_CORE if hardware == "cpu" else GPUS[hardware]
    wide = engine.threads if hardware == "cpu" else engine.tensor_parallel
    flops, bandwidth = ARITHMETIC * one.flops, BANDWIDTH * one.bandwidth
    weights, cache = parameters * BYTES[dtype], cache_bytes(parameters, dtype)
    starts = _START["cpu" if hardware == "cpu" else "gpu"]
    # Training: forward and backward are 6 operations a parameter and token, 8 with recomputed activations
    # (Kaplan et al. 2020). GRPO has a forward pass for the old probabilities besides.
    grpo = config.grpo
    trained = (8 if grpo.gradient_checkpointing else 6) + 2
    # A rank's rollouts share its GPU; a step waits for the longest of them, so it has max_response steps.
    rollouts = grpo.batch * grpo.n / (grpo.nodes * grpo.ranks_per_node)
    step = grpo.max_response * weights / bandwidth
    written = max(2 * parameters / flops, weights / bandwidth / max(rollouts, 1))
    rates = Rates(
        engine_start=starts[0],
        prefill=2 * parameters / flops / wide,
        decode=2 * parameters / flops / wide,
        decode_context=cache / bandwidth / wide,
        decode_step=weights / bandwidth / wide,
        sft_start=starts[1],
        # Of weights beside adapters no gradient is computed.
        sft=((8 if config.sft.gradient_checkpointing else 6) - (2 if config.sft.lora.rank else 0)) * parameters / flops,
        sft_length=0.0,
        grpo_start=starts[2],
        grpo_first=0.0,
        grpo_step=step,
        grpo=trained * parameters / flops + written,
        validation=written,
    )
    shown = f"{parameters / 1e9:.3g}B"
    source = f"2, 6 or 8 operations a parameter and token, weights and cache read once a step; {one.source}"
    return Entry(f"{hardware}, {shown}", hardware, 0, parameters, "", source, rates)
