"""The pure parts of the scale benchmark, and its canned engine behind the real job."""

from __future__ import annotations

import dataclasses
import math
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from benchmarks.canned import TEXTS, Canned, CannedJob, Settings
from benchmarks.scale import CONF, command, exponent, exponents, shards_of
from benchmarks.watched import Watched, watch
from sfray import seeds
from sfray.artifacts import Questions
from sfray.compose import load
from sfray.graph import build
from sfray.io.arrow import from_table
from sfray.records import Attempt
from sfray.sampling.engine import MAX_SEED_BITS
from sfray.sampling.job import Asked
from sfray.sampling.worker import ShardWorker
from sfray.store import workers
from sfray.store.artifact import Artifact
from tests.sampling.rows import CONFIG, QUESTION, write_questions


def test_an_exponent_is_found_again() -> None:
    sizes = [10, 100, 1_000]
    assert exponent(sizes, [3 * n**1.5 for n in sizes]) == pytest.approx((1.5, 0.0))
    assert exponent(sizes, [7.0, 7.0, 7.0])[0] == 0.0


def test_two_sizes_leave_no_error_to_give() -> None:
    slope, error = exponent([10, 1_000], [2.0, 20.0])
    assert (slope, math.isnan(error)) == (pytest.approx(0.5), True)


def test_exponents_are_those_of_the_costs_that_all_sizes_have() -> None:
    rows = [{"rows": 10, "seconds": 1.0, "idle": 0.0}, {"rows": 100, "seconds": 10.0, "idle": 1.0, "kept": 3.0}]
    assert list(exponents(rows, "rows")) == ["seconds"]
    assert exponents(rows, "rows")["seconds"][0] == pytest.approx(1.0)
    assert exponents(rows[:1], "rows") == {}


def test_shards_hold_about_ten_thousand_attempts() -> None:
    assert [shards_of(rows) for rows in (64, 10_240, 100_000, 10_000_000)] == [1, 1, 10, 977]


def test_cpu_time_is_interpolated_between_looks() -> None:
    driver = Watched(began=0.0, times=[10.0, 20.0, 30.0], cpu=[1.0, 3.0, 4.0])
    assert driver.cpu_between(15.0, 30.0) == pytest.approx(2.0)


def test_a_process_is_looked_at_and_one_that_fails_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    busy = "import time\nbig = b'x' * (64 << 20)\nprint('here', flush=True)\ntime.sleep(0.5)"
    seen = watch(["-c", busy], log)
    assert (seen.status, log.read_text()) == (0, "here\n")
    assert seen.mib > 64
    assert seen.seconds >= 0.5
    ended = watch(["-c", "import time\ntime.sleep(60)"], log, until=lambda: True)
    assert ended.status == -9
    with pytest.raises(subprocess.CalledProcessError):
        watch(["-c", "raise SystemExit(3)"], log)


def test_the_method_is_the_sampling_stage_with_another_engine(tmp_path: Path) -> None:
    method = yaml.safe_load((CONF / "method" / "canned.yaml").read_text())
    asked = command(tmp_path, "r", 64, method__attempts__seconds=0.2)
    assert asked[:5] == ["-m", "sfray.cli", "run", "--config-dir", str(CONF)]
    assert {"method=canned", "method.attempts.seconds=0.2", "task.sft.count=64"} <= set(asked)
    config = dataclasses.replace(load(["task.rl.count=0", "task.eval.count=0"]), method=method, steps=["attempts"])
    step = build(config)["attempts"]
    assert isinstance(step.settings, Settings)
    assert "seconds" not in step.identity  # waiting changes nothing of what is made


def test_the_canned_engine_serves_the_real_worker(tmp_path: Path) -> None:
    write_questions(tmp_path)
    output = Artifact(tmp_path / "attempts", "sample", {}, {})
    output.open()
    config = Settings(CONFIG.run, CONFIG.prompts, CONFIG.model, CONFIG.engine, CONFIG.cluster, CONFIG.sample)
    job = CannedJob(output, config, Questions(tmp_path / "questions", "sft"))
    assert isinstance(job.engine("no model", print), Canned)
    summary = ShardWorker([Asked(job, "no model", 1, "attempts")])({"job": [0], "shard": [0]})
    assert (summary["shard"], summary["rows"], summary["rejects"], summary["slots"]) == ([0], [4], [0], [0.0])
    rows = from_table(Attempt, pq.read_table(output.part(0)))
    first = seeds.derive(0, "attempts", f"{QUESTION.id}/plain", bits=MAX_SEED_BITS) % len(TEXTS)
    assert [row.text for row in rows[:2]] == [TEXTS[first], TEXTS[(first + 1) % len(TEXTS)]]
    assert [row.correct for row in rows] == [False] * 4
    (who,) = workers.read(output.path)
    assert (who.shards, who.busy) == ((0,), False)
