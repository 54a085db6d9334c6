"""The pool: its watchdog, and with a real engine that results depend on nothing but the seed."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from sfray.artifacts import Questions
from sfray.cluster import connect, disconnect
from sfray.config import ClusterConfig, EngineConfig, RunConfig, SplitConfig, TaskConfig
from sfray.io.arrow import from_table, to_table
from sfray.io.files import read_json, write_json
from sfray.models import load_tokenizer, prompt_ids, resolve
from sfray.prompts import load
from sfray.records import Attempt, Completion
from sfray.sampling import attempts, shards
from sfray.sampling.completions import CompletionJob
from sfray.sampling.job import Asked
from sfray.sampling.shards import Speed, StageStalled, run_jobs, start_spans, watched
from sfray.store import workers
from sfray.store.artifact import Artifact
from sfray.store.manifest import Manifest
from sfray.store.sessions import begin
from sfray.tasks import questions
from sfray.tasks.countdown import Countdown
from sfray.watch.watchdog import WorkerSilent
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


SHARDS = 12
"""Enough for the thread that disturbs a worker to find it at work, on a busy machine too."""


def sampled(root: Path, actors: int, disturb: signal.Signals | None = None, silent: float = 0) -> list[Attempt]:
    """Samples shards of two questions with the embedded model; optionally sends a signal to an actor at work."""
    config = dataclasses.replace(
        CONFIG,
        run=RunConfig(shard_questions=2),
        task=TaskConfig(sft=SplitConfig(["3"], 2 * SHARDS)),
        engine=EngineConfig(actors=actors, shards_in_flight=2, max_num_seqs=64, kv_cache_gib=0.125),
        cluster=ClusterConfig(silent_minutes=silent),
    )
    made = Artifact(root / "questions", "questions", {}, {})
    made.open()
    questions.write(config, made)
    target = stage(root, "attempts")
    if disturb is not None:
        threading.Thread(target=disturb_a_worker, args=(target.path, disturb), daemon=True).start()
    attempts.sample(config, target, "tiny", Questions(made.path, "sft"))
    return [row for part in target.parts() for row in from_table(Attempt, read(part))]


def read(path: Path):
    import pyarrow.parquet as pq

    return pq.read_table(path)


def disturb_a_worker(folder: Path, number: signal.Signals, begun: int = 2) -> None:
    """Sends a signal to an engine actor while it is at work, wherever the two threads are.

    Args:
        folder: The artifact's.
        number: The signal.
        begun: Shards that the actor has begun by then.
    """
    while not (found := [r for r in workers.read(folder) if r.busy and len(r.shards) >= begun]):
        time.sleep(0.01)
    process = found[0].who.process
    while True:
        os.kill(process, signal.SIGSTOP)
        if any(r.busy for r in workers.read(folder) if r.who.process == process):
            break
        os.kill(process, signal.SIGCONT)
        time.sleep(0.01)
    if number != signal.SIGSTOP:
        os.kill(process, number)


def made(root: Path) -> Manifest:
    """The manifest of the attempts below a folder."""
    return Manifest.read(root / "attempts" / "manifest.json")


def exported() -> str:
    """What Ray exports for Prometheus on this node."""
    import ray

    (node,) = ray.nodes()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{node['MetricsExportPort']}/metrics", timeout=30) as answer:
        return answer.read().decode()


@pytest.fixture
def ray_cluster():
    connect(ClusterConfig(address="local", num_cpus=2, num_gpus=0, object_store_gib=0.25))
    yield
    disconnect()


@pytest.mark.engine
@pytest.mark.usefixtures("ray_cluster")
def test_attempts_are_the_same_for_any_number_of_actors_and_after_a_kill(tmp_path, capsys):
    one = sampled(tmp_path / "one", actors=1)
    assert len(one) == len({a.id for a in one}) == 2 * SHARDS * 2 * 2
    assert sampled(tmp_path / "two", actors=2) == one
    assert [made(tmp_path / name).incidents for name in ("one", "two")] == [{}, {}]
    assert 0 < (made(tmp_path / "one").engine_use or 0) < 1
    assert "warning" not in capsys.readouterr().out
    assert sampled(tmp_path / "killed", actors=1, disturb=signal.SIGKILL) == one
    found = made(tmp_path / "killed").incidents
    assert found in [{"actors_restarted": 1, "shards_made_twice": n} for n in (1, 2)]  # what it had in flight
    assert "warning: attempts: 1 actor restarted" in capsys.readouterr().out
    kept = [(tmp_path / name / "attempts" / "part-00001.parquet").read_bytes() for name in ("one", "two", "killed")]
    assert kept[0] == kept[1] == kept[2]
    with pytest.raises(WorkerSilent, match=r"no step for cluster.silent_minutes = 0.1; the stacks are in "):
        sampled(tmp_path / "stopped", actors=1, disturb=signal.SIGSTOP, silent=0.1)
    (file,) = (tmp_path / "stopped" / "attempts" / "logs").iterdir()
    first, state, *frames = file.read_text().splitlines()
    (stopped,) = workers.read(tmp_path / "stopped" / "attempts")
    where, at = first.rsplit(maxsplit=1)
    assert where == f"process {stopped.who.process} on {stopped.who.host}, silent at shard"
    assert int(at) in stopped.shards
    assert state == "state: stopped"
    assert [line for line in frames if line.endswith("in work")]
    assert not (file.parent.parent / "manifest.json").exists()
    rows = re.search(r'^ray_sfray_rows_total\{.*stage="attempts".*\} (\S+)$', exported(), re.M)
    assert rows is not None
    assert float(rows[1]) >= 3 * len(one)


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


def evaluations(root: Path) -> list[Asked]:
    """Two, of two shards each, whose artifacts are open."""
    write_questions(root, "eval", (QUESTION, dataclasses.replace(QUESTION, id="countdown-3:eval:000001")))
    asked = Questions(root / "questions", "eval")
    return [Asked(CompletionJob(stage(root, name), CONFIG, asked), name, 2, name) for name in ("a", "b")]


def worked_off(jobs: list[Asked], order: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has :func:`run_jobs` see shards finished in an order, ten seconds apart; the order in which jobs are."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])

    def summaries(asked: list[Asked], rows: list[tuple[int, int]]):
        assert rows == sorted(order)
        for place, shard in order:
            now[0] += 10
            asked[place].job.output.write_shard(shard, to_table(Completion, []))
            start = {
                "imports_began": 1_000_001.0,
                "imports_ended": 1_000_004.0,
                "engine_ended": 1_000_006.0 + 8 * place,
            }
            done = {"rows": 0, "rejects": 0, "tokens": 7, "running": 1.0, "slots": 1.0 + place}
            yield {"job": place, "shard": shard, **start, **done}

    monkeypatch.setattr(shards, "summaries", summaries)
    for one in jobs:
        write_json(one.job.output.plan_path, {**read_json(one.job.output.plan_path), "sessions": [begin()]})
    found = []
    for place, written in run_jobs(jobs):
        jobs[place].job.output.commit({}, written=written)
        found.append(place)
    return found


def test_a_job_is_handed_over_with_its_last_shard_and_no_second_counts_twice(tmp_path, monkeypatch):
    jobs = evaluations(tmp_path)
    assert worked_off(jobs, [(0, 0), (1, 0), (0, 1), (1, 1)], monkeypatch) == [0, 1]
    first, second = (one.job.output.manifest for one in jobs)
    assert (first.seconds, second.seconds) == (30.0, 10.0)
    assert first.timings == {"workers": 1.0, "imports": 3.0, "engine": 2.0}
    assert second.timings == {"workers": 0.0, "imports": 0.0, "engine": 0.0}  # it was up while the first was at work
    assert (first.engine_use, second.engine_use) == (1.0, 0.5)


def test_a_job_that_overtakes_another_has_none_of_its_time(tmp_path, monkeypatch):
    jobs = evaluations(tmp_path)
    assert worked_off(jobs, [(0, 0), (1, 1), (1, 0), (0, 1)], monkeypatch) == [1, 0]
    assert [one.job.output.manifest.seconds for one in jobs] == [40.0, 0.0]


def test_of_jobs_that_are_whole_nothing_is_asked(tmp_path, monkeypatch):
    jobs = evaluations(tmp_path)
    for shard in (0, 1):
        jobs[1].job.output.write_shard(shard, to_table(Completion, []))
    assert worked_off(jobs, [(0, 0), (0, 1)], monkeypatch) == [1, 0]
    assert list(run_jobs(jobs)) == [(0, {}), (1, {})]


def test_what_came_before_the_first_shard_is_told_apart():
    assert start_spans(100.0, 103.0, 110.0, 114.0) == [
        {"name": "workers", "began": 100.0, "ended": 103.0},
        {"name": "imports", "began": 103.0, "ended": 110.0},
        {"name": "engine", "began": 110.0, "ended": 114.0},
    ]
    # Another node's clock may be behind.
    assert start_spans(100.0, 90.0, 95.0, 103.0)[1:] == [  # an engine that began before the job did
        {"name": "imports", "began": 100.0, "ended": 100.0},
        {"name": "engine", "began": 100.0, "ended": 103.0},
    ]
    assert start_spans(100.0, 99.0, 110.0, 114.0)[0] == {"name": "workers", "began": 100.0, "ended": 100.0}
