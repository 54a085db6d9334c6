"""Sampling on Ray Data against one ``LLM.generate`` over all prompts of the run: tokens per second.

    python -m benchmarks.sampling [--repeats 3] [--shards 24] [--workload attempts|reflections|answers|tail]

Both ask the same engine of one thread the same, from the moment that it is loaded to the last response; the stage also
judges and persists. In ``tail``, one of 64 responses is 16 times as long as the others, as when a model loops. Each
kind has a process of its own and they take turns.
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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.result import result as of
from sfray.artifacts import Attempts, Questions
from sfray.config import (
    ClusterConfig,
    Config,
    EngineConfig,
    EvaluateConfig,
    ModelConfig,
    ReflectConfig,
    RunConfig,
    SampleConfig,
    SplitConfig,
    TaskConfig,
)
from sfray.io.arrow import from_table, to_table
from sfray.io.parquet import write_table
from sfray.records import Attempt, Question
from sfray.sampling.completions import CompletionJob
from sfray.sampling.engine import Engine, Refused, Request, Sampled
from sfray.sampling.job import Asked, ShardJob
from sfray.store.artifact import Artifact

WORKLOADS = ("attempts", "reflections", "answers", "tail")
KINDS = ("bare", "sfray")
SHORT, LONG, ONE_IN = 60, 960, 64


@dataclass(frozen=True)
class TailJob(CompletionJob):
    """Answers of set lengths: one in ``ONE_IN`` is long."""

    def sampled(self, engine: Engine, requests: Sequence[Request]) -> list[list[Sampled] | Refused]:
        """The answers, whatever they say."""
        from vllm import SamplingParams, TokensPrompt

        from sfray.models import prompt_ids

        prompts, params = [], []
        for request in requests:
            length = LONG if int(request.id.rpartition(":")[2]) % ONE_IN == 0 else SHORT
            prompts.append(TokensPrompt(prompt_token_ids=prompt_ids(engine.tokenizer, request.messages)))
            params.append(SamplingParams(max_tokens=length, min_tokens=length, ignore_eos=True, seed=request.seed))
        outputs = engine.feed.generate(prompts, params)
        return [[Sampled(o.outputs[0].text, len(o.outputs[0].token_ids), "length")] for o in outputs]


def config(shards: int) -> Config:
    """Shards of 16 questions: 256 attempts, 512 reflections or 16 x 4 answers each."""
    return Config(
        run=RunConfig(shard_questions=16),
        task=TaskConfig(sft=SplitConfig(["3"], 16 * shards), eval=SplitConfig(["3"], 16 * shards)),
        model=ModelConfig(context=2048),
        engine=EngineConfig(actors=1, max_num_seqs=64),
        sample=SampleConfig(n=4, top_p=1.0, top_k=0, repetition_penalty=1.0, max_tokens=160),
        reflect=ReflectConfig(n=2, top_p=1.0, top_k=0, repetition_penalty=1.0, max_tokens=160),
        evaluate=EvaluateConfig(n=4, max_tokens=160),
        cluster=ClusterConfig(address="local", num_cpus=2, num_gpus=0),
    )


def prepare(folder: Path, settings: Config, workload: str) -> ShardJob:
    """Writes what the job reads; returns the job."""
    from sfray.sampling.attempts import AttemptJob
    from sfray.sampling.reflections import ReflectionJob
    from sfray.tasks import questions

    stage = Artifact(folder / "questions", "questions", {}, {})
    stage.open()
    questions.write(settings, stage)
    target = Artifact(folder / workload, workload, {}, {})
    target.open()
    asked = Questions(stage.path, "sft")
    if workload == "attempts":
        return AttemptJob(target, settings, asked)
    if workload == "reflections":
        return ReflectionJob(target, settings, asked, _attempts(folder / "attempts", asked))
    job = TailJob if workload == "tail" else CompletionJob
    return job(target, settings, Questions(stage.path, "eval"))


def _attempts(folder: Path, asked: Questions) -> Attempts:
    """Sixteen attempts at each question: right answers, so that every one can be reflected on."""
    stage = Artifact(folder, "attempts", {}, {})
    stage.open()
    for shard in range(asked.shards):
        rows = [_attempt(q, k) for q in _questions(asked, shard) for k in range(16)]
        write_table(folder / f"part-{shard:05d}.parquet", to_table(Attempt, rows))
    return Attempts(folder)


def _questions(asked: Questions, shard: int) -> list[Question]:
    return from_table(Question, pq.ParquetFile(asked.file).read_row_group(shard))


def _attempt(question: Question, k: int) -> Attempt:
    return Attempt(
        id=f"{question.id}/plain/{k}",
        question_id=question.id,
        variant="plain",
        sample=k,
        hinted=False,
        text=f"<answer>{question.answer}</answer>",
        tokens=12,
        finish="stop",
        correct=True,
        reason="correct",
        answer=question.answer,
    )


def bare(folder: Path, shards: int, workload: str) -> tuple[float, int]:
    """All requests at once in this process; judges nothing, writes nothing."""
    from sfray.models import resolve

    settings = config(shards)
    job = prepare(folder, settings, workload)
    engine = Engine(resolve("tiny"), settings.model, settings.engine)
    requests = [request for shard in range(shards) for request in job.requests(shard)[1]]
    began = time.time()
    answers = job.sampled(engine, requests)
    return time.time() - began, sum(s.tokens for found in answers if not isinstance(found, Refused) for s in found)


def sfray(folder: Path, shards: int, workload: str) -> tuple[float, int]:
    """The stage's own way: a pool of one actor, judged and persisted."""
    from sfray.cluster import connect, disconnect
    from sfray.sampling.shards import summaries
    from sfray.sampling.worker import STARTED

    settings = config(shards)
    job = prepare(folder, settings, workload)
    connect(settings.cluster)
    found = list(summaries([Asked(job, "tiny", shards, workload)], [(0, shard) for shard in range(shards)]))
    ended = time.time()
    disconnect()
    return ended - found[0][STARTED[-1]], sum(summary["tokens"] for summary in found)


def run(repeats: int = 3, shards: int = 24, workloads: Sequence[str] = WORKLOADS) -> dict[str, Any]:
    """Measures both kinds in turn.

    Returns:
        For each workload tokens per second of each kind (mean and standard deviation), and the ratio sfray / bare.
    """
    figures: dict[str, Any] = {}
    for workload in workloads:
        speeds: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(repeats):
            for kind in KINDS:
                with tempfile.TemporaryDirectory() as name:
                    speeds[kind].append(_measured(kind, Path(name), shards, workload))
        ratios = [ours / theirs for ours, theirs in zip(speeds["sfray"], speeds["bare"], strict=True)]
        figures |= {f"{workload}_{kind}_tokens_per_second": spread(values) for kind, values in speeds.items()}
        figures[f"{workload}_ratio"] = spread(ratios)
    return figures | {"shards": shards, "repeats": repeats}


def _measured(kind: str, folder: Path, shards: int, workload: str) -> float:
    from sfray.sampling.engine import environment

    asked = ["--kind", kind, "--folder", str(folder), "--shards", str(shards), "--workload", workload]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sampling", *asked],
        env=os.environ | environment(EngineConfig()),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1])


def spread(values: list[float]) -> dict[str, float]:
    """Mean and standard deviation."""
    return {"mean": statistics.mean(values), "stdev": statistics.stdev(values) if len(values) > 1 else 0.0}


def main() -> None:
    """Prints a table and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shards", type=int, default=24)
    parser.add_argument("--workload", choices=WORKLOADS, action="append")
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.kind:
        measure = {"bare": bare, "sfray": sfray}[arguments.kind]
        seconds, tokens = measure(arguments.folder, arguments.shards, arguments.workload[0])
        print(tokens / seconds)
        return
    result = run(arguments.repeats, arguments.shards, arguments.workload or WORKLOADS)
    for key, value in result.items():
        print(
            f"{key:40} {value['mean']:10.3f} +- {value['stdev']:.3f}"
            if isinstance(value, dict)
            else f"{key:40} {value}"
        )
    print(json.dumps(of("sampling", result)))


if __name__ == "__main__":
    main()
