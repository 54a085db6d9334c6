"""Trace building: the pure core on one core, and the TraceBuilder pool with its memory.

    python -m benchmarks.traces                                   # small
    python -m benchmarks.traces --questions 100000 --builders 2   # 100,000 questions x 8 pairs, and a tenth of it

The rows are synthetic Countdown attempts with real arithmetic. The core is measured with
token counting left out; the pool runs the traces stage as the pipeline does, tokenizer
included, twice: on a tenth of the questions and on all of them. Memory is the peak of
resident memory of each process (``VmHWM``); it should not grow with the questions. Rates of
the pool are between the first and the last finished shard, so start-up is left out of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from benchmarks.result import result as of
from sfray import models, seeds
from sfray.artifacts import Attempts, Questions, Reflections
from sfray.config import Config, TraceConfig
from sfray.grammar import Verdict
from sfray.io.arrow import schema, to_table
from sfray.io.files import replacing
from sfray.progress import console
from sfray.prompts import load
from sfray.records import Attempt, Question, Reflection
from sfray.store.artifact import Artifact
from sfray.store.manifest import Manifest
from sfray.tasks import countdown
from sfray.tasks.registry import verify
from sfray.traces import builder
from sfray.traces.build import Workshop, build_shard

PAIRS = 8
SHARD = 256
DISTINCT = 512
"""Questions with texts of their own; further ones repeat their texts under other ids."""
VARIANTS = ("plain", "plan", "alternatives", "restate")
Rows = tuple[Question, list[Attempt], list[Reflection]]


def question_rows(number: int) -> Rows:
    """One question with its attempts and a valid reflection on each."""
    rng = seeds.rng("benchmark", "traces", number)
    problem = countdown.draw(rng, 3)
    gold = json.dumps({"numbers": list(problem.numbers), "target": problem.target})
    text = countdown.question_text(problem.numbers, problem.target)
    attempts, reflections = [], []
    for k in range(PAIRS):
        tree = problem.tree if rng.random() < 0.4 else countdown.combine(rng, list(problem.numbers))[1]
        work, shown = ", ".join(countdown.steps(tree)), countdown.render(tree)
        solution = f"{work}. <answer>{shown}</answer>"
        o = verify("countdown", gold, solution)
        variant, sample = VARIANTS[k % 4], k // 4
        attempt = Attempt(
            id="",
            question_id="",
            variant=variant,
            sample=sample,
            hinted=False,
            text=solution,
            tokens=30,
            finish="stop",
            correct=o.correct,
            reason=o.reason.value,
            answer=o.answer,
        )
        verdict = (Verdict.CORRECT if o.correct else Verdict.INCORRECT).value
        said = f"I check {shown}: {work}. <verdict>{verdict}</verdict>"
        attempts.append(attempt)
        reflections.append(
            Reflection(
                id="",
                attempt_id="",
                question_id="",
                sample=0,
                text=said,
                tokens=30,
                finish="stop",
                verdict=verdict,
                valid=True,
            )
        )
    return Question(id="", task="countdown", level="3", split="sft", text=text, gold=gold), attempts, reflections


def named(rows: Rows, number: int) -> Rows:
    """The rows under the ids of a question."""
    name = f"countdown-3:sft:{number:06d}"
    attempts = [replace(a, id=f"{name}/{a.variant}/{a.sample}", question_id=name) for a in rows[1]]
    pairs = zip(rows[2], attempts, strict=True)
    return (
        replace(rows[0], id=name),
        attempts,
        [replace(r, id=f"{a.id}/r0", attempt_id=a.id, question_id=name) for r, a in pairs],
    )


def shards(questions: int, size: int = SHARD) -> Iterator[tuple[list[Question], list[Attempt], list[Reflection]]]:
    """The rows of a run, a shard of ``size`` questions at a time."""
    texts = [question_rows(i) for i in range(min(DISTINCT, questions))]
    for first in range(0, questions, size):
        every = [named(texts[i % DISTINCT], i) for i in range(first, min(first + size, questions))]
        yield (
            [q for q, _, _ in every],
            [a for _, some, _ in every for a in some],
            [r for _, _, some in every for r in some],
        )


def core(questions: int = 1_000, repeats: int = 5) -> dict[str, Any]:
    """Traces per second of the pure core in this process, statistics included."""
    rows = list(shards(questions))
    workshop = Workshop(TraceConfig(max_tokens=10**6), 0, load(), lambda _, text: len(text))
    rates = []
    for _ in range(repeats + 1):
        start = time.process_time()
        built = sum(len(build_shard(*part, workshop).traces) for part in rows)
        rates.append(built / (time.process_time() - start))
    rates = rates[1:]  # the first one warms up
    return {"traces": built, "traces_per_cpu_second": statistics.mean(rates), "stdev": statistics.stdev(rates)}


def write_run(folder: Path, questions: int, size: int = SHARD) -> None:
    """Writes what the traces stage reads, in shards of ``size`` questions."""
    stages = {name: Artifact(folder / name, name, {}, {}) for name in ("attempts", "reflections")}
    with (
        replacing(folder / "questions" / "sft.parquet") as temporary,
        pq.ParquetWriter(temporary, schema(Question)) as writer,
    ):
        for shard, (asked, attempts, reflections) in enumerate(shards(questions, size)):
            writer.write_table(to_table(Question, asked))
            stages["attempts"].write_shard(shard, to_table(Attempt, attempts))
            stages["reflections"].write_shard(shard, to_table(Reflection, reflections))


def peak_mib(pid: int | str = "self") -> float:
    """Peak resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def drive(folder: Path, builders: int, model: str) -> None:
    """Runs the stage in this process, which is only for that, and prints what it took."""
    import ray

    temporary = Path(tempfile.gettempdir()) / f"sfray-b{os.getpid()}"
    ray.init(
        address="local",
        num_cpus=max(2, builders),
        object_store_memory=100 << 20,
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=str(temporary),
    )
    peaks: dict[int, float] = {}
    threading.Thread(target=watch, args=(peaks,), daemon=True).start()
    stage = Artifact(folder / "traces", "traces", {}, {})
    stage.open()
    sources = builder.Sources(
        Questions(folder / "questions", "sft"), Attempts(folder / "attempts"), Reflections(folder / "reflections")
    )
    before = peak_mib()
    builder.build(Config(trace=TraceConfig(builders=builders)), stage, model, sources)
    print(json.dumps({"driver_before": before, "driver": peak_mib(), "builders": sorted(peaks.values())}))
    ray.shutdown()


def watch(peaks: dict[int, float]) -> None:
    """Follows the memory of the builders."""
    while True:
        for process in psutil.Process().children(recursive=True):
            try:
                if "TraceBuilder" in "".join(process.cmdline()):
                    peaks[process.pid] = peak_mib(process.pid)
            except (psutil.Error, OSError):
                continue  # it has just ended
        time.sleep(0.5)


def pool(questions: int, builders: int, model: str) -> dict[str, Any]:
    """One run of the pool over so many questions."""
    with tempfile.TemporaryDirectory() as name:
        write_run(Path(name), questions)
        return measure(Path(name), questions, builders, model)


def measure(folder: Path, questions: int, builders: int, model: str) -> dict[str, Any]:
    """Runs the stage over what is written in a folder, in a process of its own."""
    arguments = ["--drive", str(folder), "--builders", str(builders), "--model", model]
    command = [sys.executable, "-m", "benchmarks.traces", *arguments]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    memory = json.loads(output.splitlines()[-1])
    stage = Artifact(folder / "traces", "traces", {}, {})
    manifest = Manifest.read(stage.manifest_path)
    finished = sorted((p.stat().st_mtime, pq.read_metadata(p).num_rows) for p in stage.parts())
    seconds = finished[-1][0] - finished[0][0]
    return {
        "questions": questions,
        "pairs": questions * PAIRS,
        "traces": manifest.counts["traces"],
        "builders": builders,
        "seconds": manifest.seconds,
        "traces_per_second": sum(n for _, n in finished[1:]) / seconds if seconds else None,
        "driver_peak_mib": round(memory["driver"], 1),
        "driver_growth_mib": round(memory["driver"] - memory["driver_before"], 1),
        "builder_peak_mib": [round(m, 1) for m in memory["builders"]],
    }


def run(questions: int = 5_120, builders: int = 1, model: str = str(models.TINY)) -> dict[str, Any]:
    """Measures everything.

    Args:
        questions: Of the larger pool run; the smaller has a tenth.
        builders: Actors.
        model: Whose tokenizer counts.
    """
    return {
        "core": core(),
        "pool": [pool(n, builders, model) for n in (max(questions // 10, 2 * SHARD), questions)],
    }


def main() -> None:
    """Prints a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=5_120)
    parser.add_argument("--builders", type=int, default=1)
    parser.add_argument("--model", default=str(models.TINY))
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drive:
        drive(arguments.drive, arguments.builders, arguments.model)
        return
    result = run(arguments.questions, arguments.builders, arguments.model)
    console.print(f"core: {result['core']['traces_per_cpu_second']:,.0f} traces per second of one core")
    console.print("questions  traces    traces/s  driver MiB  builders MiB")
    for row in result["pool"]:
        rate = f"{row['traces_per_second']:,.0f}" if row["traces_per_second"] else "-"
        console.print(
            f"{row['questions']:>9,}  {row['traces']:>8,}  {rate:>8}  {row['driver_peak_mib']:>10}  "
            f"{row['builder_peak_mib']}"
        )
    print(json.dumps(of("traces", result), indent=2))


if __name__ == "__main__":
    main()
