"""Reflections in rounds: the rows of a lazy shard are some of those of all, and the traces are the same."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sfray import seeds
from sfray.artifacts import Attempts, Questions
from sfray.cluster import connect, disconnect
from sfray.config import (
    ClusterConfig,
    DecodingConfig,
    EngineConfig,
    ReflectConfig,
    RunConfig,
    SplitConfig,
    TaskConfig,
    TraceConfig,
)
from sfray.config.settings import Demand, LazyReflectionSettings, ReflectionSettings
from sfray.io.arrow import from_table, to_table
from sfray.io.parquet import write_table
from sfray.models import control_token, load_tokenizer, resolve
from sfray.prompts import load
from sfray.records import Attempt, Question, Reflection, Reject
from sfray.rejects import RejectReason
from sfray.sampling import attempts
from sfray.sampling.engine import Refused, Request, Sampled
from sfray.sampling.job import Finished
from sfray.sampling.lazily import LazyReflectionJob
from sfray.sampling.reflections import ReflectionJob, sample
from sfray.store.manifest import Manifest
from sfray.tasks import questions
from sfray.traces.build import Workshop, build_shard
from sfray.traces.builder import counter
from sfray.traces.demand import in_probe
from tests.sampling.rows import CONFIG, QUESTION, attempt, stage
from tests.sampling.test_shards import disturb_a_worker
from tests.traces.rows import write_tokenizer

N = 2
VARIANTS = ["default"]
SECOND = replace(QUESTION, id="countdown-3:sft:000001")
TRACE = TraceConfig(recipe="algorithm1", max_tokens=2_000)


class Oracle:
    """Says the same for the same request and seed, as an engine does: most verdicts are right, some are not.

    Attributes:
        rounds: Ids of the requests of each call.
        unjust: Ids of attempts whose prompts are refused.
    """

    def __init__(self, tokenizer: Any, unjust: Sequence[str] = ()) -> None:
        self.tokenizer = tokenizer
        self.rounds: list[list[str]] = []
        self.unjust = unjust

    def sample(self, requests: Sequence[Request], decoding: DecodingConfig) -> list[list[Sampled] | Refused]:
        self.rounds.append([r.id for r in requests])
        return [self._one(r, decoding.n) for r in requests]

    def _one(self, request: Request, n: int) -> list[Sampled] | Refused:
        if request.id.rpartition("/")[0] in self.unjust:
            return Refused(RejectReason.PROMPT_TOO_LONG, "600 tokens, model.context = 512")
        right = "(3 + 5) * 8" in request.messages[-1]["content"].split("64")[-1]
        return [self._text(request.seed + k, right) for k in range(n)]

    def _text(self, seed: int, right: bool) -> Sampled:
        chance = seeds.rng("oracle", seed).random()
        if chance < 0.1:
            return Sampled(f"Hm {seed}. </reflect>", 4, "stop")
        if chance < 0.2:
            return Sampled(f"Hm {seed}.", 3, "length")
        verdict = "Correct" if right == (chance < 0.8) else "Incorrect"
        return Sampled(f"Seed {seed}. <verdict>{verdict}</verdict>", 5, "stop")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(write_tokenizer(tmp_path_factory.mktemp("model")))


def tried(question: Question, right: int, wrong: int) -> list[Attempt]:
    made = [attempt("(3 + 5) * 8. <answer>(3 + 5) * 8</answer>", True, "(3 + 5) * 8", k=k) for k in range(right)]
    made += [attempt("<answer>3 * 5</answer>", False, "3 * 5", k=k) for k in range(right, right + wrong)]
    made += [attempt("3 +", False, None, finish="length", k=99)]
    return [replace(a, id=f"{question.id}/plain/{a.sample}", question_id=question.id) for a in made]


ATTEMPTS = [*tried(QUESTION, 6, 14), *tried(SECOND, 2, 18)]


def jobs(root: Path, demands: Sequence[Demand]) -> tuple[LazyReflectionJob, ReflectionJob]:
    """The same shard, lazily and as a whole."""
    questions = to_table(Question, [QUESTION, SECOND])
    write_table(root / "questions" / "sft.parquet", questions, row_group_size=2)
    write_table(stage(root, "attempts").part(0), to_table(Attempt, ATTEMPTS))
    given = {
        "run": CONFIG.run, "prompts": "default", "model": CONFIG.model, "engine": CONFIG.engine,
        "cluster": CONFIG.cluster, "reflect": ReflectConfig(n=N, variants=VARIANTS, max_tokens=64),
    }  # fmt: skip
    inputs = Questions(root / "questions", "sft"), Attempts(root / "attempts")
    return (
        LazyReflectionJob(stage(root, "lazy"), LazyReflectionSettings(**given, demands=tuple(demands)), *inputs),
        ReflectionJob(stage(root, "all"), ReflectionSettings(**given), *inputs),
    )


def traces(job: LazyReflectionJob, tokenizer: Any, rows: Sequence[Reflection]) -> list[Any]:
    return [build_shard([QUESTION, SECOND], ATTEMPTS, rows, shop).traces for shop in job.workshops(tokenizer)]


def both(
    root: Path, tokenizer: Any, demands: Sequence[Demand], **oracle: Any
) -> tuple[LazyReflectionJob, Finished, Finished]:
    lazy, whole = jobs(root, demands)
    return (
        lazy,
        lazy.finished(Oracle(tokenizer, **oracle), 0),  # type: ignore[arg-type]
        whole.finished(Oracle(tokenizer, **oracle), 0),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "trace",
    [
        TRACE,
        replace(TRACE, recipe="uniform", reflections_per_attempt=1),
        replace(TRACE, recipe="fixed_ratio"),
        replace(TRACE, recipe="no_reflections", attempts_per_question=10),
        replace(TRACE, max_tokens=600),
    ],
    ids=lambda t: f"{t.recipe} {t.max_tokens}",
)
def test_the_traces_are_those_of_all_reflections(tmp_path: Path, tokenizer: Any, trace: TraceConfig) -> None:
    lazy, few, every = both(tmp_path, tokenizer, [Demand(trace, "default")])
    assert traces(lazy, tokenizer, few.rows) == traces(lazy, tokenizer, every.rows)
    assert any(traces(lazy, tokenizer, few.rows))
    assert len(few.rows) < len(every.rows)
    assert few.tokens < every.tokens


def test_rows_and_rejects_are_some_of_all_in_their_order(tmp_path: Path, tokenizer: Any) -> None:
    _, few, every = both(tmp_path, tokenizer, [Demand(TRACE, "default")])
    ids = {row.id for row in few.rows}
    assert few.rows == [row for row in every.rows if row.id in ids]
    refused = {reject.id for reject in few.rejects}
    assert few.rejects == [reject for reject in every.rejects if reject.id in refused]
    assert {Reject(id=f"{q.id}/plain/99", reason="attempt_truncated") for q in (QUESTION, SECOND)} <= set(few.rejects)


def test_the_first_round_is_on_correct_attempts_and_nothing_is_asked_twice(tmp_path: Path, tokenizer: Any) -> None:
    lazy, _ = jobs(tmp_path, [Demand(TRACE, "default")])
    oracle = Oracle(tokenizer)
    done = lazy.finished(oracle, 0)  # type: ignore[arg-type]
    correct = [f"{a.id}/default" for a in ATTEMPTS if a.correct]
    assert sorted(oracle.rounds[0]) == sorted(correct * N)
    assert all(round_ for round_ in oracle.rounds)
    assert len(oracle.rounds) > 1
    made = len(done.rows) + sum(r.reason == RejectReason.STRUCTURAL_TAG for r in done.rejects)
    assert sum(map(len, oracle.rounds)) == made


def test_a_shard_that_is_repeated_is_the_same(tmp_path: Path, tokenizer: Any) -> None:
    lazy, _ = jobs(tmp_path, [Demand(TRACE, "default")])
    assert lazy.finished(Oracle(tokenizer), 0) == lazy.finished(Oracle(tokenizer), 0)  # type: ignore[arg-type]


def test_a_refused_prompt_is_one_reject_and_its_attempt_in_no_trace(tmp_path: Path, tokenizer: Any) -> None:
    unjust = [f"{QUESTION.id}/plain/0", f"{QUESTION.id}/plain/1"]
    lazy, few, every = both(tmp_path, tokenizer, [Demand(TRACE, "default")], unjust=unjust)
    too_long = [r.id for r in few.rejects if r.reason == RejectReason.PROMPT_TOO_LONG]
    assert too_long == [f"{name}/default" for name in unjust]
    assert few.rejects == [r for r in every.rejects if r.id in {x.id for x in few.rejects}]
    assert traces(lazy, tokenizer, few.rows) == traces(lazy, tokenizer, every.rows)


def test_the_probe_is_asked_for_whatever_the_traces_need(tmp_path: Path, tokenizer: Any) -> None:
    nothing = replace(TRACE, variants=["none of them"])
    _, few, every = both(tmp_path, tokenizer, [Demand(nothing, "", limited=False, probe=0.5)])
    wanted = [r for r in every.rows if r.sample == 0 and in_probe(r.attempt_id, 0.5, CONFIG.run.seed)]
    assert few.rows == wanted
    assert 5 < len(wanted) < 35


def test_what_the_quality_report_counts_is_there_although_no_limit_holds_its_traces(
    tmp_path: Path, tokenizer: Any
) -> None:
    short = replace(TRACE, max_tokens=600)
    lazy, few, every = both(tmp_path, tokenizer, [Demand(short, "default"), Demand(short, "", limited=False)])
    held, free = lazy.workshops(tokenizer)
    assert (held.trace.max_tokens, free.count("a", "b")) == (600, 0)
    assert traces(lazy, tokenizer, few.rows) == traces(lazy, tokenizer, every.rows)


def test_a_sample_has_the_seed_that_it_has_among_all(tmp_path: Path, tokenizer: Any) -> None:
    lazy, whole = jobs(tmp_path, [Demand(TRACE, "default")])
    lazy = replace(lazy, config=replace(lazy.config, reflect=ReflectConfig(n=2, variants=["default", "again"])))
    prompts = load()
    prompts = replace(prompts, reflect={**prompts.reflect, "again": prompts.reflect["default"]})
    subject = whole.subjects(0)[0]
    requests = [lazy._request(source, prompts) for source in lazy._sources(subject)]
    first, again = (whole.request(subject, variant, prompts).seed for variant in ("default", "again"))
    assert [r.seed for r in requests] == [first, first + 1, again, again + 1]


def reflected(root: Path, lazy: bool, actors: int = 1, kill: bool = False) -> dict[str, bytes]:
    """Files of the reflections of the embedded model on its own attempts, which are made once."""
    config = replace(
        CONFIG,
        prompts="tiny",
        run=RunConfig(shard_questions=4),
        task=TaskConfig(sft=SplitConfig(["3"], 12)),
        engine=EngineConfig(actors=actors, max_num_seqs=64, kv_cache_gib=0.125),
        sample=replace(CONFIG.sample, n=8),
        reflect=ReflectConfig(n=2, max_tokens=160, top_p=1.0, top_k=0, repetition_penalty=1.0),
    )
    source = Questions(root / "questions", "sft"), Attempts(root / "attempts")
    if not source[1].path.exists():
        questions.write(config, stage(root, "questions"))
        attempts.sample(config, stage(root, "attempts"), "tiny", source[0])  # type: ignore[arg-type]
    target = stage(root / f"lazy {lazy}, {actors} actors", "reflections")
    if kill:
        threading.Thread(target=disturb_a_worker, args=(target.path, signal.SIGKILL, 1), daemon=True).start()
    given = {name: getattr(config, name) for name in ("run", "prompts", "model", "engine", "cluster", "reflect")}
    if lazy:
        settings = LazyReflectionSettings(**given, demands=(Demand(TraceConfig(max_tokens=200), "tiny"),))
        sample(LazyReflectionJob(target, settings, *source), "tiny")
    else:
        sample(ReflectionJob(target, ReflectionSettings(**given), *source), "tiny")
    restarted = Manifest.read(target.manifest_path).incidents.get("actors_restarted", 0)
    assert restarted == (1 if kill else 0)
    return {file.name: file.read_bytes() for file in [*target.parts(), target.path / "rejects.parquet"]}


@pytest.fixture
def ray_cluster() -> Iterator[None]:
    connect(ClusterConfig(address="local", num_cpus=2, num_gpus=0, object_store_gib=0.25))
    yield
    disconnect()


@pytest.mark.engine
@pytest.mark.usefixtures("ray_cluster")
def test_an_engine_says_alone_what_it_says_among_others(tmp_path: Path, tokenizer: Any) -> None:
    every, few = reflected(tmp_path, lazy=False), reflected(tmp_path, lazy=True)
    assert reflected(tmp_path, lazy=True, actors=2, kill=True) == few, "files depend on actors, or on who died"
    whole, some = (
        [row for name in sorted(files) if name.startswith("part") for row in from_table(Reflection, table(files[name]))]
        for files in (every, few)
    )
    ids = {row.id for row in some}
    assert some == [row for row in whole if row.id in ids]
    assert 0 < len(some) < len(whole) / 2
    asked = [question for i in range(3) for question in from_table(Question, row_group(tmp_path, i))]
    tried = [
        row for i in range(3) for row in from_table(Attempt, pq.read_table(tmp_path / f"attempts/part-{i:05d}.parquet"))
    ]
    tiny = load_tokenizer(resolve("tiny"))
    shop = Workshop(TraceConfig(max_tokens=200), 0, load("tiny"), counter(tiny), partial(control_token, tiny))
    made = build_shard(asked, tried, some, shop)
    assert made.traces == build_shard(asked, tried, whole, shop).traces
    assert made.statistics.totals["redrawn"] > 0, "the limit on tokens was not felt"


def table(data: bytes) -> Any:
    return pq.read_table(io.BytesIO(data))


def row_group(root: Path, number: int) -> Any:
    return pq.ParquetFile(root / "questions" / "sft.parquet").read_row_group(number)
