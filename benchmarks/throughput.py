"""Fits an entry of the throughput table to finished runs: the seconds and tokens of their manifests.

    python -m benchmarks.throughput runs/headline-seed1 runs/headline-seed2 --name "…" --out sfray/costs/throughput.json

Least squares of the relative error, no negative rate. Only steps that were made in one session count. What is
printed beside the entry is the largest error over the steps that it was fitted to.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from sfray.costs.entry import Entry, keep
from sfray.costs.rates import Lengths, Rates
from sfray.store.folder import RunFolder
from sfray.store.manifest import Manifest

SAMPLED = ("sample", "reflect", "evaluate")
ENGINES, MAX_NUM_SEQS = 2, 256
"""Of ``engine=cpu``."""

Made = tuple[Path, Manifest]


def steps(runs: Sequence[Path]) -> list[Made]:
    """The distinct artifacts of some runs, each made in one session."""
    found = {m.fingerprint: (p, m) for run in runs for p, m in RunFolder(run).finished().values() if m.sessions == 1}
    return list(found.values())


def fitted(rows: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[float]:
    """The coefficients, not negative, with the least relative error."""
    y = np.array(seconds)
    found, _ = nnls(np.array(rows) / y[:, None], np.ones(len(y)))
    return [float(f"{value:.4g}") for value in found]


def goes_on(made: Manifest) -> bool:
    """Whether a step was made with the processes of the step before, so that nothing was imported for it."""
    return made.timings.get("imports") == 0


def sampling_row(path: Path, made: Manifest, lengths: Lengths) -> list[float]:
    """Start of engines or of a next model in them, generated tokens of an engine, their context, share of a batch."""
    rows, tokens = made.counts["rows"], made.counts["tokens"]
    shards = len(list(path.glob("part-*.parquet")))
    prompt = 2 * lengths.prompt + lengths.attempt if made.stage == "reflect" else lengths.prompt
    of_one = tokens / min(ENGINES, shards)
    later = goes_on(made)
    work = [of_one, of_one * (prompt + tokens / rows / 2), of_one / min(MAX_NUM_SEQS, rows / shards)]
    return [float(not later), float(later), *work]


def sft_row(made: Manifest) -> list[float]:
    """Start, tokens, and tokens times the length of their sequences."""
    counts, epochs = made.counts, made.config["sft"]["epochs"]
    return [1, counts["tokens"], counts["tokens"] * counts["tokens"] / counts["traces"] / epochs]


def grpo_rows(path: Path, made: Manifest) -> tuple[list[float], list[tuple[float, float]], list[float]]:
    """Start and end; tokens of a rank and seconds of every step; validation tokens of a rank and seconds."""
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    ranks = made.config["grpo"]["ranks_per_node"]
    validation = sum(line.get("seconds_validation", 0.0) for line in lines)
    start = made.seconds - validation - sum(line["seconds"] for line in lines)
    return [start], [(line["tokens"] / ranks, line["seconds"]) for line in lines], [validation]


def validation_rate(runs: Sequence[tuple[float, Manifest]], validated: int) -> float:
    """Seconds for a generated token of a validation, of one rank; its responses are counted as long as the rollouts.

    Args:
        runs: Seconds that GRPO validated, 0 where it did not, and its manifest.
        validated: Questions of a validation.

    Raises:
        ValueError: No run validated.
    """
    each = [
        seconds * m.config["grpo"]["ranks_per_node"] / (validated * (m.counts["tokens"] / m.counts["rollouts"]))
        for seconds, m in runs
        if seconds
    ]
    if not each:
        raise ValueError(
            "none of the runs validated in GRPO (grpo.test_every), so the rate of validations is not known"
        )
    return float(f"{np.median(each):.3g}")


def rates(made: Sequence[Made], lengths: Lengths, validated: int) -> Rates:
    """The rates that explain some steps best.

    Args:
        made: The steps.
        lengths: What the model wrote.
        validated: Questions of a validation.
    """
    sampled = [(sampling_row(p, m, lengths), m.seconds) for p, m in made if m.stage in SAMPLED]
    tuned = [(sft_row(m), m.seconds) for _, m in made if m.stage == "sft"]
    grpo = [(grpo_rows(p, m), m) for p, m in made if m.stage == "grpo"]
    engine_start, engine_next, decode, context, step = fitted(*zip(*sampled, strict=True))
    sft_start, sft, sft_length = fitted(*zip(*tuned, strict=True))
    later = [s for (_, all_steps, _), _ in grpo for s in all_steps[1:]]
    grpo_step, grpo_token = fitted([[1, tokens] for tokens, _ in later], [seconds for _, seconds in later])
    first = np.median([s - grpo_step - grpo_token * t for (_, ((t, s), *_), _), _ in grpo])
    return Rates(
        engine_start=engine_start,
        prefill=0.0,
        decode=decode,
        decode_context=context,
        decode_step=step,
        sft_start=sft_start,
        sft=sft,
        sft_length=sft_length,
        grpo_start=round(float(np.median([start for ((start,), *_), _ in grpo])), 1),
        grpo_first=round(float(first), 1),
        grpo_step=grpo_step,
        grpo=grpo_token,
        validation=validation_rate([(seconds, m) for (_, _, (seconds,)), m in grpo], validated),
        engine_next=engine_next if any(row[1] for row, _ in sampled) else None,
    )


def lengths(runs: Sequence[Path], prompt: int) -> Lengths:
    """What the model wrote in some runs of ``experiment=headline``."""
    found = [{n: m for n, (_, m) in RunFolder(run).finished().items()} for run in runs]

    def each(step: str, key: str = "rows") -> float:
        """Tokens for one row of a step, over all runs."""
        return sum(f[step].counts["tokens"] for f in found) / sum(f[step].counts[key] for f in found)

    def rate(step: str, other: str, key: str, of: str) -> float:
        """One count over another, over all runs."""
        return sum(f[step].counts[key] for f in found) / sum(f[other].counts[of] for f in found)

    evaluated, trained = found[0]["eval_sft"].config["evaluate"], found[0]["skillfactory"].config["grpo"]
    return Lengths(
        prompt=prompt,
        attempt=round(each("attempts")),
        reflection=round(each("reflections")),
        traced=round(each("eval_sft") / evaluated["max_tokens"], 2),
        longest=found[0]["eval_sft"].config["model"]["context"],
        rollout=round((each("skillfactory", "rollouts") - prompt) / trained["max_response"], 2),
        after_grpo=round(each("eval_skillfactory") / evaluated["max_tokens"], 2),
        accuracy=round(rate("attempts", "attempts", "correct", "rows"), 3),
        accuracy_trained=round(rate("star_attempts_2", "star_attempts_2", "correct", "rows"), 3),
        traces=round(rate("traces", "attempts", "traces", "correct"), 3),
        trace=round(each("traces", "traces")),
    )


def entry(runs: Sequence[Path], name: str, source: str, parameters: int, prompt: int, cores: int) -> Entry:
    """The entry for some runs of ``experiment=headline``."""
    written = lengths(runs, prompt)
    asked = next(m.counts["eval"] for run in runs for _, m in RunFolder(run).finished("questions").values())
    return Entry(
        name=name,
        hardware="cpu",
        cores=cores,
        parameters=parameters,
        measured=time.strftime("%Y-%m-%d"),
        source=source,
        rates=rates(steps(runs), written, asked),
        engine={"actors": ENGINES, "threads": 1, "max_num_seqs": MAX_NUM_SEQS},
        lengths=written,
    )


def folders(values: Iterable[str]) -> list[Path]:
    """The folders of runs."""
    return [Path(value).resolve() for value in values]


def main() -> None:
    """Prints the entry; with ``--out`` puts it into a table."""
    from sfray.models import TINY
    from sfray.models.weights import parameters

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--name", required=True)
    parser.add_argument("--source", default="manifests of experiment=headline")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=45, help="tokens of a prompt with a question")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    runs = folders(chosen.runs)
    made = entry(runs, chosen.name, chosen.source, parameters(TINY), chosen.prompt, chosen.cores)
    raw: dict[str, Any] = dataclasses.asdict(made)
    print(json.dumps(raw, indent=2))
    if chosen.out:
        keep(chosen.out, made)


if __name__ == "__main__":
    main()
