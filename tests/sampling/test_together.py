"""Several evaluations in one pool of engines: the answers of each alone, and no engine that is loaded twice."""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from sfray.artifacts import Questions
from sfray.cluster import connect, disconnect
from sfray.config import ClusterConfig, EngineConfig, EvaluateConfig, RunConfig, SplitConfig, TaskConfig
from sfray.models import resolve
from sfray.sampling.completions import Evaluation, sample
from sfray.store import workers
from sfray.store.artifact import Artifact
from sfray.tasks import questions
from tests.sampling.rows import CONFIG
from tests.sampling.test_shards import disturb_a_worker

SHARDS = 6


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Questions:
    """Questions in shards of two."""
    made = Artifact(tmp_path_factory.mktemp("asked") / "questions", "questions", {}, {})
    made.open()
    task = TaskConfig(eval=SplitConfig(["3"], 2 * SHARDS))
    questions.write(dataclasses.replace(CONFIG, run=RunConfig(shard_questions=2), task=task), made)
    return Questions(made.path, "eval")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another model: the embedded one with weights a little larger."""
    folder = tmp_path_factory.mktemp("other")
    for file in resolve("tiny").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    save_file({k: 1.02 * v for k, v in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    return str(folder)


def evaluation(root: Path, name: str, model: str, asked: Questions, actors: int, n: int = 2) -> Evaluation:
    """An evaluation whose artifact is open."""
    config = dataclasses.replace(
        CONFIG,
        engine=EngineConfig(actors=actors, shards_in_flight=2, max_num_seqs=64, kv_cache_gib=0.125),
        evaluate=EvaluateConfig(n=n, max_tokens=48),
    )
    output = Artifact(root / name, "evaluate", {"n": n}, {"model": model}, step=name)
    output.open()
    return Evaluation(config, output, model, asked)


def parts(evaluations: Sequence[Evaluation]) -> list[list[bytes]]:
    """The bytes of each one's shards."""
    return [[part.read_bytes() for part in one.output.parts()] for one in evaluations]


@pytest.mark.engine
def test_answers_are_those_of_each_evaluation_alone(tmp_path: Path, asked: Questions, other: str) -> None:
    connect(ClusterConfig(address="local", num_cpus=2, num_gpus=0, object_store_gib=0.25))

    def three(name: str, actors: int) -> list[Evaluation]:
        """The embedded model, another one, and that with another decoding."""
        given = [("tiny", 2), (other, 2), (other, 1)]
        return [evaluation(tmp_path / name, f"e{i}", m, asked, actors, n) for i, (m, n) in enumerate(given)]

    try:
        _, alone, _ = three("alone", 1)
        assert list(sample([alone])) == [0]
        one = three("one", 1)
        assert list(sample(one)) == [0, 1, 2]
        killed = three("killed", 2)
        target = killed[1].output.path
        threading.Thread(target=disturb_a_worker, args=(target, signal.SIGKILL, 1), daemon=True).start()
        assert sorted(sample(killed)) == [0, 1, 2]
    finally:
        disconnect()
    assert parts(one)[1] == parts([alone])[0]
    assert parts(one) == parts(killed)
    assert len({tuple(p) for p in parts(one)}) == 3
    # One process, which imported once and loaded two models.
    assert len({r.who.process for e in one for r in workers.read(e.output.path)}) == 1
    first, second, third = (e.output.manifest.timings for e in one)
    assert second["imports"] < 0.5 < first["imports"]
    assert third == {"workers": 0.0, "imports": 0.0, "engine": 0.0}
    assert [e.output.manifest.incidents for e in one] == [{}, {}, {}]
    assert killed[1].output.manifest.incidents == {"actors_restarted": 1, "shards_made_twice": 1}
