"""SFT through Ray Train + DeepSpeed against a plain PyTorch loop: tokens per second.

    python -m benchmarks.sft [--repeats 3] [--steps 25]

Both train the embedded model on the same synthetic traces, the same rows in each
optimizer step, one worker of one thread. The plain loop pads its micro batches in the
order in which rows come and computes all logits, as a first version would; ``grouped``
is the same loop over sfray's own micro batches, so what is left is the engines' overhead.
``equal`` is the stage over as many rows that all have the mean length: how fast it would be
if lengths cost nothing. That the losses agree is a matter for ``tests/training/sft``. The
first steps of each run are warm-up and are left out. On a busy machine compare the ratios
only: the four take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.result import result as of
from sfray import seeds
from sfray.artifacts import Traces
from sfray.config import Config
from sfray.config.validation import parse
from sfray.grammar import Pair, render
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Trace
from sfray.store.artifact import Artifact

WARM_UP = 5
TRACES = 240
KINDS = ("plain", "grouped", "sfray", "equal")
TURNS = ("sfray", "equal", "grouped", "plain")
"""The stage comes first: it writes the rows."""


def traces() -> list[Trace]:
    """Traces of one to five pairs, some 100 to 800 tokens long."""
    rows = []
    for i in range(TRACES):
        rng = seeds.rng("benchmark", i)
        pairs = []
        for _ in range(rng.randint(1, 5)):
            lines = [f"{a} + {b} = {a + b}, {a + b} - 7 = {a + b - 7}." for a, b in _couples(rng, rng.randint(2, 6))]
            pairs.append(Pair("\n".join(lines), "I add it up again.\n<verdict>Correct</verdict>"))
        text = render(pairs, ["Let me try again."] * (len(pairs) - 1), "The answer is:", "3 + 5")
        rows.append(trace(i, text))
    return rows


def trace(i: int, text: str) -> Trace:
    """A trace of some text."""
    name = f"countdown-3:sft:{i:06d}"
    return Trace(
        id=f"{name}#b.0",
        question_id=name,
        recipe="b",
        prompt="Make 8 from 3 and 5.",
        text=text,
        answer="3 + 5",
        attempts=["a"],
        reflections=["r"],
        n_correct=1,
        n_incorrect=0,
        tokens=0,
    )


def equal_traces(model: str) -> list[Trace]:
    """As many traces with as many tokens, all of one length: a digit is a token."""
    from sfray import models

    tokenizer = models.load_tokenizer(models.resolve(model))
    lengths = [len(models.token_ids(tokenizer, row.text)) for row in traces()]
    digits = round(statistics.mean(lengths))
    return [trace(i, "".join(seeds.rng("equal", i).choices("0123456789", k=digits))) for i in range(len(lengths))]


def _couples(rng: Any, count: int) -> list[tuple[int, int]]:
    return [(rng.randint(10, 99), rng.randint(10, 99)) for _ in range(count)]


def config(steps: int, model: str) -> Config:
    """One worker, batches of 16, micro batches of at most 2,048 positions (plain: of 8 rows), in float32."""
    sft = {
        "workers": 1,
        "batch": 16,
        "micro_batch": 8,
        "micro_tokens": 2048,
        "zero": 1,
        "epochs": 10,
        "max_steps": steps,
        "lr": 1e-4,
    }
    raw = {
        "model": {"path": model},
        "evaluate": {"max_tokens": 1024},
        "trace": {"max_tokens": 2048},
        "grpo": {"max_response": 1024},
        "sft": sft | {"max_length": 2048, "save_every": 10_000, "gradient_checkpointing": False},
        "cluster": {"address": "local", "num_cpus": 2},
    }
    return parse(raw)


def train_sfray(folder: Path, settings: Config, kind: str) -> None:
    """The stage itself, in a Ray instance of its own, on the traces of ``sfray`` or ``equal``."""
    import ray

    from sfray.training.sft import stage as sft

    stage = Artifact(folder / kind, "sft", {}, {})
    stage.open()
    with tempfile.TemporaryDirectory(prefix="rbs", dir="/tmp") as own:
        ray.init(num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False, _temp_dir=own)
        sft.train(settings, stage, settings.model.path, Traces(folder / f"traces-{kind}"))
        ray.shutdown()


def train_plain(folder: Path, settings: Config, grouped: bool) -> None:
    """A plain PyTorch loop over the same rows; writes its own ``metrics.jsonl``."""
    import torch
    from torch.nn import functional
    from transformers import AutoModelForCausalLM, get_scheduler

    from sfray import models
    from sfray.training.sft.batch import collate
    from sfray.training.sft.data import Rows
    from sfray.training.sft.loop import plan
    from sfray.training.sft.split import split

    torch.set_num_threads(1)
    source = models.resolve(settings.model.path)
    pad = int(models.load_tokenizer(source).pad_token_id)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    rows = Rows(folder / "sfray" / "data.parquet")
    steps = plan(settings, rows.ids)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.sft.lr)
    rates = get_scheduler("cosine", optimizer, num_warmup_steps=1, num_training_steps=steps.steps)
    micro, lines = settings.sft.micro_batch, []
    for step in range(steps.steps):
        began, chosen = time.perf_counter(), steps.rows(step)
        count = -(-len(chosen) // micro)
        parts = [chosen[i * micro : (i + 1) * micro] for i in range(count)]
        if grouped:
            (parts,) = split(chosen, rows.lengths, settings.sft.micro_tokens, 1)
        batches = [collate(rows, part, pad) for part in parts]
        total = sum(batch.loss_tokens for batch in batches)
        loss_sum = 0.0
        for batch in batches:
            logits = model(input_ids=batch.input_ids).logits.float()
            loss = functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="sum") / total
            loss.backward()
            loss_sum += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
        tokens = sum(batch.tokens for batch in batches)
        lines.append({"step": step + 1, "loss": loss_sum, "tokens": tokens, "seconds": time.perf_counter() - began})
    name = "grouped" if grouped else "plain"
    (folder / name).mkdir()
    (folder / name / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def measure(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The steps of one kind after warm-up."""
    lines = (folder / kind / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines][WARM_UP:]


def run(repeats: int = 3, steps: int = 25, model: str = "tiny") -> dict[str, Any]:
    """Trains all kinds in turn, each in a process of its own.

    Returns:
        Tokens per second of each kind and its ratio to ``plain``, and the stage's to ``equal``: mean and standard
        deviation over the repeats. The share of the stage's positions that is padding.
    """
    speeds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for kind, made in (("sfray", traces()), ("equal", equal_traces(model))):
                write_table(folder / f"traces-{kind}" / "part-00000.parquet", to_table(Trace, made))
            for kind in TURNS:
                command = [sys.executable, "-m", "benchmarks.sft", "--kind", kind, "--folder", name]
                command += ["--steps", str(steps), "--model", model]
                subprocess.run(
                    command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL
                )
            recorded = {kind: measure(folder, kind) for kind in KINDS}
        for kind, lines in recorded.items():
            speeds[kind].append(sum(x["tokens"] for x in lines) / sum(x["seconds"] for x in lines))
    padded = 1 - sum(x["tokens"] for x in recorded["sfray"]) / sum(x["positions"] for x in recorded["sfray"])
    ratios = {k: [a / b for a, b in zip(v, speeds["plain"], strict=True)] for k, v in speeds.items()}
    return {
        "repeats": repeats,
        "steps": steps - WARM_UP,
        "tokens_per_second": {k: _spread(v) for k, v in speeds.items()},
        "ratio_to_plain": {k: _spread(v) for k, v in ratios.items()},
        "ratio_to_equal": _spread([a / b for a, b in zip(speeds["sfray"], speeds["equal"], strict=True)]),
        "padded": round(padded, 4),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "mean": round(statistics.mean(values), 3),
        "std": round(statistics.stdev(values), 3) if len(values) > 1 else 0.0,
    }


def main() -> None:
    """Prints a table and JSON; with ``--kind`` trains one kind (used by :func:`run`)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.kind in ("sfray", "equal"):
        train_sfray(chosen.folder, config(chosen.steps, chosen.model), chosen.kind)
    elif chosen.kind:
        train_plain(chosen.folder, config(chosen.steps, chosen.model), chosen.kind == "grouped")
    else:
        result = run(chosen.repeats, chosen.steps, chosen.model)
        print(f"{'':10}{'tokens/s':>20}{'ratio to plain':>20}")
        for kind in KINDS:
            speed, ratio = result["tokens_per_second"][kind], result["ratio_to_plain"][kind]
            print(f"{kind:10}{speed['mean']:>12.0f} ± {speed['std']:<6.0f}{ratio['mean']:>12.2f} ± {ratio['std']:.2f}")
        equal = result["ratio_to_equal"]
        print(f"stage / equal lengths {equal['mean']:.2f} ± {equal['std']:.2f}, {result['padded']:.1%} padding")
        print(json.dumps(of("sft", result)))


if __name__ == "__main__":
    main()
