"""The pool: its watchdog, and with a real engine that results depend on nothing but the seed."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from sfray.artifacts import Questions
from sfray.cluster import connect, disconnect
from sfray.config import ClusterConfig, EngineConfig, RunConfig, SplitConfig, TaskConfig
from sfray.io.arrow import from_table
from sfray.models import load_tokenizer, prompt_ids, resolve
from sfray.prompts import load
from sfray.records import Attempt
from sfray.sampling import attempts
from sfray.sampling.shards import Speed, StageStalled, start_spans, watched
from sfray.store.artifact import Artifact
from sfray.tasks import questions
from sfray.tasks.countdown import Countdown
from tests.sampling.rows import CONFIG, QUESTION, stage, write_questions


def test_rows_pass_through_the_watchdog():
    assert list(watched(iter([{"shard": 1}, {"shard": 2}]), 1)) == [{"shard": 1}, {"shard": 2}]


def test_rates_begin_with_the_first_shard_after_the_model_was_loaded():
    speed = Speed()
    assert speed.note(64, 2_000, 100.0) == "64 rows"
    assert speed.note(64, 3_000, 102.0) == "128 rows, 32 rows/s, 1,500 tokens/s"
    assert speed.note(32, 1_000, 104.0) == "160 rows, 24 rows/s, 1,000 tokens/s"


def test_an_error_of_the_engine_is_raised_to_the_caller():
    def broken():
        yield {"shard": 1}
        raise ZeroDivisionError("engine")

    rows = watched(broken(), 1)
    assert next(rows) == {"shard": 1}
    with pytest.raises(ZeroDivisionError, match="engine"):
        next(rows)


def test_a_pool_that_hangs_is_given_up():
    release = threading.Event()

    def hanging():
        yield {"shard": 1}
        release.wait()

    rows = watched(hanging(), 0.02)
    assert next(rows) == {"shard": 1}
    with pytest.raises(StageStalled, match=r"engine.timeout_minutes = 0.02; the finished ones are kept"):
        next(rows)
    release.set()


HANGING = """
import threading
from sfray.sampling.shards import Speed, StageStalled, start_spans, watched

def hanging():
    yield {"shard": threading.Event().wait()}

try:
    next(watched(hanging(), 0.001))
except StageStalled:
    print("given up")
"""


def test_a_pool_that_hangs_for_ever_does_not_keep_the_driver_from_ending():
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "given up\n")


SHARDS = 3


def sampled(root: Path, actors: int, kill: bool = False) -> list[Attempt]:
    """Samples three shards of two questions with the embedded model; optionally kills an actor."""
    config = dataclasses.replace(
        CONFIG,
        run=RunConfig(shard_questions=2),
        task=TaskConfig(sft=SplitConfig(["3"], 2 * SHARDS)),
        engine=EngineConfig(actors=actors, max_num_seqs=64, kv_cache_gib=0.125),
    )
    made = Artifact(root / "questions", "questions", {}, {})
    made.open()
    questions.write(config, made)
    target = stage(root, "attempts")
    if kill:
        threading.Thread(target=kill_a_worker_after, args=(target.part(0),), daemon=True).start()
    attempts.sample(config, target, "tiny", Questions(made.path, "sft"))
    return [row for part in target.parts() for row in from_table(Attempt, read(part))]


def read(path: Path):
    import pyarrow.parquet as pq

    return pq.read_table(path)


def kill_a_worker_after(part: Path) -> None:
    """Sends SIGKILL to the engine actor once it has finished a shard."""
    while not part.parent.exists() or not any(part.parent.glob("part-*.parquet")):
        time.sleep(0.02)
    for process in psutil.Process().children(recursive=True):
        if "ShardWorker" in process.name() or "ShardWorker" in " ".join(process.cmdline()):
            os.kill(process.pid, signal.SIGKILL)
            return


@pytest.fixture
def ray_cluster():
    connect(ClusterConfig(address="local", num_cpus=2, num_gpus=0, object_store_gib=0.25))
    yield
    disconnect()


@pytest.mark.engine
@pytest.mark.usefixtures("ray_cluster")
def test_attempts_are_the_same_for_any_number_of_actors_and_after_a_kill(tmp_path):
    one = sampled(tmp_path / "one", actors=1)
    assert len(one) == len({a.id for a in one}) == 2 * SHARDS * 2 * 2
    assert sampled(tmp_path / "two", actors=2) == one
    assert sampled(tmp_path / "killed", actors=1, kill=True) == one


@pytest.mark.engine
@pytest.mark.usefixtures("ray_cluster")
def test_long_prompts_get_what_room_there_is_or_are_rejected(tmp_path):
    short, long, over = (
        dataclasses.replace(QUESTION, id=f"countdown-3:sft:{i:06d}", text=" ".join(["Use 3, 5 and 8."] * times))
        for i, times in enumerate((1, 77, 100))
    )
    write_questions(tmp_path, questions=(short, long, over))
    tokenizer = load_tokenizer(resolve("tiny"))
    asked = [load("default").attempt("plain", q.text, Countdown.answer_type) for q in (long, over)]
    prompts = [prompt_ids(tokenizer, messages) for messages in asked]
    left = CONFIG.model.context - len(prompts[0])
    assert 0 < left < CONFIG.sample.max_tokens
    assert len(prompts[1]) > CONFIG.model.context
    target = stage(tmp_path, "attempts")
    config = dataclasses.replace(CONFIG, sample=dataclasses.replace(CONFIG.sample, variants=["plain"]))
    attempts.sample(config, target, "tiny", Questions(tmp_path / "questions", "sft"))
    rows = [row for part in target.parts() for row in from_table(Attempt, read(part))]
    assert [a.question_id for a in rows] == [short.id, short.id, long.id, long.id]
    assert max(a.tokens for a in rows[2:]) <= left
    assert [(r["id"], r["reason"]) for r in read(target.path / "rejects.parquet").to_pylist()] == [
        (f"{over.id}/plain", "prompt_too_long")
    ]


def test_what_came_before_the_first_shard_is_told_apart():
    assert start_spans(100.0, 103.0, 110.0, 114.0) == [
        {"name": "workers", "began": 100.0, "ended": 103.0},
        {"name": "imports", "began": 103.0, "ended": 110.0},
        {"name": "engine", "began": 110.0, "ended": 114.0},
    ]
    # Another node's clock may be behind.
    assert start_spans(100.0, 99.0, 110.0, 114.0)[0] == {"name": "workers", "began": 100.0, "ended": 100.0}
