"""Reflections in rounds: the rows of a lazy shard are some of those of all, and the traces are the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sfray import seeds
from sfray.artifacts import Attempts, Questions
from sfray.config import DecodingConfig, ReflectConfig, TraceConfig
from sfray.config.settings import Demand, LazyReflectionSettings, ReflectionSettings
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.models import load_tokenizer
from sfray.records import Attempt, Question, Reflection, Reject
from sfray.rejects import RejectReason
from sfray.sampling.engine import Refused, Request, Sampled
from sfray.sampling.lazily import LazyReflectionJob
from sfray.sampling.reflections import ReflectionJob
from sfray.sampling.shards import Finished
from sfray.traces.build import build_shard
from sfray.traces.demand import in_probe
from tests.sampling.rows import CONFIG, QUESTION, attempt, stage
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
        "reflect": ReflectConfig(n=N, variants=VARIANTS, max_tokens=64),
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


def test_a_sample_of_another_variant_has_the_seed_that_it_has_among_all(tmp_path: Path, tokenizer: Any) -> None:
    lazy, whole = jobs(tmp_path, [Demand(TRACE, "default")])
    settings = dataclasses.replace(lazy.config, reflect=ReflectConfig(n=2, variants=["default", "default2"]))
    lazy = dataclasses.replace(lazy, config=settings)
    subject = whole.subjects(0)[0]
    numbers = [number for _, _, number in lazy._sources(subject)]
    assert numbers == [0, 1, 2, 3]
    assert [variant for _, variant, _ in lazy._sources(subject)] == ["default", "default", "default2", "default2"]
