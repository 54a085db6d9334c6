"""The actor without its engine: which engines it makes, and how it says that it is alive."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sfray.artifacts import Questions
from sfray.sampling import job as shard_job
from sfray.sampling.completions import CompletionJob
from sfray.sampling.engine import Sampled
from sfray.sampling.feed import Use
from sfray.sampling.job import Asked
from sfray.sampling.worker import ShardWorker
from sfray.store import workers
from tests.sampling.rows import CONFIG, QUESTION, stage, write_questions

ANSWER = "<answer>(3 + 5) * 8</answer>"


class Fake:
    """An engine that answers every question alike, and notes when it is made and closed."""

    log: list[str]
    feed = property(lambda self: self)

    def __init__(self, model: Path, config: Any, engine: Any, on_step: Any) -> None:
        self.name, self.on_step, self.start = model.name, on_step, (1.0, 2.0, 3.0)
        self.log.append(f"load {self.name}")

    def sample(self, requests: Any, decoding: Any) -> list[list[Sampled]]:
        self.on_step(len(requests))
        return [[Sampled(ANSWER, 7, "stop")] * decoding.n for _ in requests]

    def take_use(self) -> Use:
        return Use(1.0, 4.0)

    def close(self) -> None:
        self.log.append(f"close {self.name}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened to engines."""
    monkeypatch.setattr(shard_job, "Engine", Fake)
    monkeypatch.setattr(shard_job, "resolve", Path)
    Fake.log = []
    return Fake.log


def asked(root: Path, name: str, model: str, n: int = 2) -> Asked:
    """An evaluation of two shards."""
    write_questions(root, "eval", (QUESTION, dataclasses.replace(QUESTION, id="countdown-3:eval:000001")))
    config = dataclasses.replace(CONFIG, evaluate=dataclasses.replace(CONFIG.evaluate, n=n))
    return Asked(CompletionJob(stage(root, name), config, Questions(root / "questions", "eval")), model, 2, name)


def test_models_take_turns_and_decodings_share_one(tmp_path: Path, log: list[str]) -> None:
    jobs = [asked(tmp_path, "a", "one"), asked(tmp_path, "b", "two"), asked(tmp_path, "c", "two", n=3)]
    actor = ShardWorker(jobs)
    assert log == []
    batch = {"job": [0, 0, 1, 1, 2, 2], "shard": [0, 1] * 3}
    found = actor(batch)
    assert log == ["load one", "close one", "load two"]
    assert found["job"] == batch["job"]
    assert found["shard"] == batch["shard"]
    assert (found["rows"], found["tokens"]) == ([2, 2, 2, 2, 3, 3], [14, 14, 14, 14, 21, 21])
    assert (found["running"], found["slots"]) == ([1.0] * 6, [4.0] * 6)
    assert [len(job.job.output.parts()) for job in jobs] == [2, 2, 2]
    records = [workers.read(job.job.output.path) for job in jobs]
    assert [[r.shards for r in found] for found in records] == [[(0, 1)]] * 3
    assert [[r.busy for r in found] for found in records] == [[False]] * 3


def test_a_step_is_a_heartbeat_of_the_jobs_at_work_and_of_no_other(tmp_path: Path, log: list[str]) -> None:
    jobs = [asked(tmp_path, "a", "one"), asked(tmp_path, "b", "one")]
    actor = ShardWorker(jobs)
    first, second = (actor._member(place).journal for place in (0, 1))
    second.begin(1)
    actor.step(1)
    assert [workers.read(job.job.output.path)[0].busy for job in jobs] == [False, True]
    first.begin(0)
    actor.step(2)
    assert [workers.read(job.job.output.path)[0].busy for job in jobs] == [True, True]


def test_an_actor_started_again_joins_what_it_had_worked_on(
    tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfray.watch.worker._place", lambda: ("node", "actor-1"))
    jobs = [asked(tmp_path, name, "one") for name in ("done", "under_way", "never")]
    ShardWorker(jobs)({"job": [0, 1], "shard": [0, 0]})
    jobs[0].job.output.commit({})
    ShardWorker(jobs)
    assert [workers.incidents(workers.read(job.job.output.path)) for job in jobs] == [{}, {"actors_restarted": 1}, {}]
    monkeypatch.setattr("sfray.watch.worker._place", lambda: ("node", "actor-2"))
    ShardWorker(jobs)
    assert [len(workers.read(job.job.output.path)) for job in jobs] == [1, 2, 0]
