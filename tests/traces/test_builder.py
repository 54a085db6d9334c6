"""The TraceBuilder pool on a real Ray: any number of builders, resume, and death."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from sfray import models
from sfray.artifacts import Attempts
from sfray.cluster import connect, disconnect
from sfray.config import ClusterConfig, Config, TraceConfig
from sfray.io.arrow import from_table
from sfray.records import Trace
from sfray.store.artifact import Artifact
from sfray.traces import builder
from tests.traces.rows import write_run, write_tokenizer

pytestmark = pytest.mark.engine

QUESTIONS, SHARD = 60, 4


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    connect(ClusterConfig(address="local", num_cpus=2, num_gpus=0, object_store_gib=0.1))
    yield
    disconnect()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> builder.Sources:
    folder = tmp_path_factory.mktemp("run")
    write_tokenizer(folder / "model")
    return write_run(folder, QUESTIONS, SHARD)


def build(inputs: builder.Sources, folder: Path, builders: int) -> Artifact:
    stage = Artifact(folder, "traces", {}, {})
    stage.open()
    builder.build(config(builders), stage, model(inputs), inputs)
    return stage


def config(builders: int, **trace: int) -> Config:
    return Config(trace=TraceConfig(builders=builders, **trace))


def model(inputs: builder.Sources) -> str:
    return str(inputs.questions.path.parent / "model")


def contents(stage: Artifact) -> list[tuple[str, str]]:
    files = [*stage.parts(), stage.path / "rejects.parquet", stage.path / "statistics.json"]
    return [(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]


@pytest.fixture(scope="module")
def undisturbed(inputs: builder.Sources, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build(inputs, tmp_path_factory.mktemp("one"), 1)


def test_manifest_adds_up(undisturbed: Artifact, inputs: builder.Sources) -> None:
    assert len(undisturbed.parts()) == QUESTIONS // SHARD
    traces = [t for p in undisturbed.parts() for t in from_table(Trace, pq.read_table(p))]
    manifest = undisturbed.manifest
    assert manifest.counts["questions"] == QUESTIONS
    assert manifest.counts["traces"] == len(traces)
    assert manifest.counts["tokens"] == sum(t.tokens for t in traces)
    assert manifest.counts["questions_with_traces"] == len({t.question_id for t in traces})
    assert manifest.metrics == json.loads((undisturbed.path / "statistics.json").read_text())
    assert sum(manifest.rejects.values()) == QUESTIONS - manifest.counts["questions_with_traces"]


def test_tokens_are_those_that_training_counts(undisturbed: Artifact, inputs: builder.Sources) -> None:
    tokenizer = models.load_tokenizer(Path(model(inputs)))
    for trace in from_table(Trace, pq.read_table(undisturbed.part(0))):
        prompt = models.prompt_ids(tokenizer, [{"role": "user", "content": trace.prompt}])
        response = models.token_ids(tokenizer, trace.text)
        assert trace.tokens == len([*prompt, *response, tokenizer.eos_token_id])


@pytest.mark.parametrize("builders", [2, 3])
def test_any_number_of_builders_writes_the_same_bytes(
    builders: int, undisturbed: Artifact, inputs: builder.Sources, tmp_path: Path
) -> None:
    assert contents(build(inputs, tmp_path / "traces", builders)) == contents(undisturbed)


def test_only_missing_shards_are_built_again(undisturbed: Artifact, inputs: builder.Sources, tmp_path: Path) -> None:
    shutil.copytree(undisturbed.path, tmp_path / "traces")
    stage = Artifact(tmp_path / "traces", "traces", {}, {})
    stage.manifest_path.unlink()
    stage.part(2).unlink()
    kept = stage.part(1).stat().st_mtime_ns
    builder.build(config(1), stage, model(inputs), inputs)
    assert stage.part(1).stat().st_mtime_ns == kept
    assert contents(stage) == contents(undisturbed)


def test_a_subsample_is_the_same_for_any_number_of_builders(
    undisturbed: Artifact, inputs: builder.Sources, tmp_path: Path
) -> None:
    every = [t for p in undisturbed.parts() for t in from_table(Trace, pq.read_table(p))]
    stages = []
    for builders in (1, 2):
        stages.append(Artifact(tmp_path / str(builders), "traces", {}, {}))
        stages[-1].open()
        builder.build(config(builders, subsample_size=20), stages[-1], model(inputs), inputs)
    assert contents(stages[0]) == contents(stages[1])
    some = [t for p in stages[0].parts() for t in from_table(Trace, pq.read_table(p))]
    assert len(some) == stages[0].manifest.counts["traces"] == 20
    assert [t for t in every if t in some] == some
    assert stages[0].manifest.metrics["left_out"] == len(every) - 20
    more = Artifact(tmp_path / "more", "traces", {}, {})
    more.open()
    with pytest.raises(ValueError, match=r"^trace\.subsample_size: 10000 asks for more traces than there are"):
        builder.build(config(1, subsample_size=10_000), more, model(inputs), inputs)


def test_a_killed_builder_costs_nothing(undisturbed: Artifact, inputs: builder.Sources, tmp_path: Path) -> None:
    stage = Artifact(tmp_path / "traces", "traces", {}, {})
    stage.open()
    finished_at_death: list[int] = []

    def kill() -> None:
        # Found while it starts, killed once it works: the only builder has shards left then.
        while (pid := builder_pid()) is None:
            time.sleep(0.05)
        while not stage.parts():
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        finished_at_death.append(len(stage.parts()))

    while builder_pid() is not None:  # the one of the test before, on its way out
        time.sleep(0.01)
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    builder.build(config(1), stage, model(inputs), inputs)
    killer.join(10)
    assert len(finished_at_death) == 1
    assert finished_at_death[0] < QUESTIONS // SHARD
    assert contents(stage) == contents(undisturbed)
    assert undisturbed.manifest.incidents == {}
    assert stage.manifest.incidents["actors_restarted"] == 1
    assert stage.manifest.incidents.get("shards_made_twice", 0) <= 1  # it may have died between two


def builder_pid() -> int | None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "TraceBuilder" in " ".join(process.cmdline()):
                return process.pid
    return None


def test_shards_that_do_not_match_are_refused(inputs: builder.Sources, tmp_path: Path) -> None:
    (tmp_path / "attempts").mkdir()
    stage = Artifact(tmp_path / "traces", "traces", {}, {})
    with pytest.raises(ValueError, match=r"attempts: 15 of 15 shards are missing, the first is 0$"):
        builder.build(
            config(1), stage, model(inputs), dataclasses.replace(inputs, attempts=Attempts(tmp_path / "attempts"))
        )


def test_a_recipe_that_cannot_be_is_refused(inputs: builder.Sources, tmp_path: Path) -> None:
    stage = Artifact(tmp_path / "traces", "traces", {}, {})
    with pytest.raises(ValueError, match=r"^trace\.recipe: no recipe 'algorithm'"):
        builder.build(Config(trace=TraceConfig(recipe="algorithm")), stage, model(inputs), inputs)
