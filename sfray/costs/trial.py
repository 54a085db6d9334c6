"""One trial of ``sfray tune``, in a process of its own: an engine is loaded, four loads are timed.

    python -m sfray.costs.trial < trial.json

A process of its own, because an engine's settings cannot be changed once it is loaded, and a trial that runs out of
memory must not end the others. What it measured is the last line of its output.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from sfray.config import EngineConfig, ModelConfig
from sfray.costs.rates import Rates

FIRST_TOKEN = 32
"""Ids of prompts start here: the first ones are control tokens."""


@dataclass(frozen=True)
class Load:
    """Requests that are put to an engine at once.

    Attributes:
        requests: How many.
        prompt: Tokens of each prompt.
        tokens: Tokens of each response.
    """

    requests: int
    prompt: int
    tokens: int


def loads(max_num_seqs: int, context: int) -> list[Load]:
    """Short and long responses of a full batch, short ones of a nearly empty one, and prompts alone.

    Args:
        max_num_seqs: Sequences that the engine takes at a time.
        context: Longest prompt and response together.
    """
    long, full = max(8, min(512, context // 2)), max(1, min(max_num_seqs, 256))
    return [Load(full, 32, 64), Load(max(1, full // 4), 32, long), Load(4, 32, 64), Load(32, long, 1)]


@dataclass(frozen=True)
class Measured:
    """What a trial measured.

    Attributes:
        start: Seconds until the engine had answered its first request.
        seconds: Of each of :func:`loads`.
    """

    start: float
    seconds: tuple[float, ...]


def tokens_per_second(asked: Sequence[Load], measured: Measured) -> float:
    """Of the full batches, long and short responses together: what trials are ranked by."""
    pairs = list(zip(asked, measured.seconds, strict=True))[:2]
    return sum(load.requests * load.tokens for load, _ in pairs) / sum(seconds for _, seconds in pairs)


def rates(asked: Sequence[Load], measured: Measured, max_num_seqs: int, others: Rates) -> Rates:
    """An engine's rates, those that explain the seconds with the least relative error; training's are another's.

    Args:
        asked: The loads.
        measured: What they took.
        max_num_seqs: Sequences that the engine takes at a time.
        others: Where the rates of training are from.
    """
    from scipy.optimize import nnls

    rows = [
        [
            load.requests * load.prompt,
            load.requests * load.tokens,
            load.requests * load.tokens * (load.prompt + load.tokens / 2),
            load.requests * load.tokens / min(load.requests, max_num_seqs),
        ]
        for load in asked
    ]
    seconds = np.array(measured.seconds)
    found, _ = nnls(np.array(rows, float) / seconds[:, None], np.ones(len(seconds)))
    prefill, decode, context, step = (float(f"{value:.4g}") for value in found)
    return replace(
        others,
        engine_start=round(measured.start, 1),
        prefill=prefill,
        decode=decode,
        decode_context=context,
        decode_step=step,
    )


def measure(path: str, model: ModelConfig, engine: EngineConfig) -> Measured:
    """Loads an engine and times it. The environment of :func:`sfray.sampling.engine.environment` must be set."""
    began = time.perf_counter()
    from vllm import SamplingParams, TokensPrompt

    from sfray.models import resolve
    from sfray.sampling.engine import Engine

    built = Engine(resolve(path), model, engine)
    ids = range(FIRST_TOKEN, len(built.tokenizer))
    rng = np.random.default_rng(0)

    def answer(load: Load) -> float:
        """Seconds of a load, of prompts that share nothing with one another."""
        prompts = [TokensPrompt(prompt_token_ids=rng.choice(ids, load.prompt).tolist()) for _ in range(load.requests)]
        params = SamplingParams(max_tokens=load.tokens, min_tokens=load.tokens, ignore_eos=True, temperature=1.0)
        at = time.perf_counter()
        built.feed.generate(prompts, [params] * len(prompts))
        return time.perf_counter() - at

    answer(Load(2, 16, 8))  # compiles
    start = time.perf_counter() - began
    return Measured(start, tuple(answer(load) for load in loads(engine.max_num_seqs, model.context)))


def main(asked: Mapping[str, Any]) -> None:
    """Measures what is asked for, and prints it."""
    found = measure(asked["path"], ModelConfig(**asked["model"]), EngineConfig(**asked["engine"]))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(json.load(sys.stdin))
