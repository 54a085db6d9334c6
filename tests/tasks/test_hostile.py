"""The hostile corpus: nothing is paid, nothing raises, all legal forms are paid, everywhere the same."""

from __future__ import annotations

import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from benchmarks.hostile import EQUAL, EXPLOITS, GOLD, LEGAL, RESPONSES, RIGHT, UNEQUAL, answered, responses
from benchmarks.verifier import GOLDS
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.registry import verify

REASONS = {
    "target_only": Reason.WRONG_NUMBERS,
    "target_claimed": Reason.WRONG_NUMBERS,
    "number_twice": Reason.WRONG_NUMBERS,
    "foreign_number": Reason.WRONG_NUMBERS,
    "one_free": Reason.WRONG_NUMBERS,
    "zero_product": Reason.WRONG_NUMBERS,
    "concatenated": Reason.WRONG_NUMBERS,
    "huge_literals": Reason.WRONG_NUMBERS,
    "division_by_zero": Reason.WRONG_NUMBERS,
    "zero_by_zero": Reason.WRONG_NUMBERS,
    "wrong_claim": Reason.WRONG_VALUE,
    "wrong_value_right_claim": Reason.WRONG_VALUE,
    "nesting": Reason.TOO_LONG,
    "many_terms": Reason.TOO_LONG,
}
"""What is not bad syntax."""

RESPONSE_REASONS = {
    "empty": Reason.NO_ANSWER,
    "blank": Reason.NO_ANSWER,
    "no_tag": Reason.NO_ANSWER,
    "unclosed_tag": Reason.NO_ANSWER,
    "only_closed": Reason.NO_ANSWER,
    "reversed_tags": Reason.NO_ANSWER,
    "upper_case_tag": Reason.NO_ANSWER,
    "tag_with_space": Reason.NO_ANSWER,
    "tag_with_attribute": Reason.NO_ANSWER,
    "boxed_only": Reason.NO_ANSWER,
    "inside_think": Reason.NO_ANSWER,
    "before_end_think": Reason.NO_ANSWER,
    "nested": Reason.NESTED_ANSWER,
    "nested_open": Reason.NESTED_ANSWER,
    "double_close": Reason.NESTED_ANSWER,
    "empty_answer": Reason.EMPTY_ANSWER,
    "empty_after_right": Reason.EMPTY_ANSWER,
    "wrong_after_right": Reason.WRONG_VALUE,
    "hedged": Reason.WRONG_NUMBERS,
    "all_expressions": Reason.WRONG_NUMBERS,
    "many_tags": Reason.WRONG_NUMBERS,
    "padded_expression": Reason.WRONG_VALUE,
    "unclosed_think": Reason.UNCLOSED_THINK,
    "reopened_think": Reason.UNCLOSED_THINK,
    "reopened_after": Reason.UNCLOSED_THINK,
    "many_thinks": Reason.UNCLOSED_THINK,
}


@pytest.mark.parametrize("name", EXPLOITS)
def test_no_exploit_is_accepted(name: str) -> None:
    assert verify("countdown", GOLD, answered(EXPLOITS[name])) == Outcome(
        False, REASONS.get(name, Reason.BAD_SYNTAX), EXPLOITS[name].strip()
    )


@pytest.mark.parametrize("name", RESPONSES)
def test_no_response_is_accepted(name: str) -> None:
    outcome = verify("countdown", GOLD, RESPONSES[name])
    assert not outcome.correct
    if name in RESPONSE_REASONS:
        assert outcome.reason is RESPONSE_REASONS[name]
    elif name.startswith("long") and "<answer>" in RESPONSES[name]:
        assert outcome.reason is Reason.TOO_LONG
        assert len(outcome.answer or "") <= 200


@pytest.mark.parametrize("name", LEGAL)
def test_every_legal_form_is_accepted(name: str) -> None:
    outcome = verify("countdown", GOLD, LEGAL[name])
    assert outcome.correct
    assert outcome.reason is Reason.CORRECT


@pytest.mark.parametrize("task", GOLDS)
def test_no_family_pays_or_raises_or_takes_long(task: str) -> None:
    verify(task, GOLDS[task], answered("warm"))
    for name, text in responses().items():
        outcome = verify(task, GOLDS[task], text)
        assert not outcome.correct or name in ALSO_RIGHT.get(task, ()), name
        # The benchmark has the figure; this catches what grows worse than linearly. The best of a few,
        # because a collection of the whole test session's garbage can fall into any one of them.
        assert min(spent(task, text) for _ in range(3)) < 0.05, name


def spent(task: str, text: str) -> float:
    """Seconds of processor time of one verdict."""
    start = time.process_time()
    verify(task, GOLDS[task], text)
    return time.process_time() - start


def test_mathematics_pays_nothing_that_is_not_equal() -> None:
    gold = json.dumps({"answer": r"\frac{\sqrt{3}}{7}"})
    assert [name for name, text in (responses() | LEGAL).items() if verify("math500", gold, text).correct] == []
    assert verify("math500", gold, answered(r"$\sqrt{3} / 7$")).correct


@pytest.mark.parametrize("name", UNEQUAL)
def test_mathematics_pays_no_other_answer(name: str) -> None:
    gold, answer = UNEQUAL[name]
    assert not verify("math500", json.dumps({"answer": gold}), answered(answer)).correct
    assert verify("math500", json.dumps({"answer": gold}), answered(gold)).correct


@pytest.mark.parametrize("name", EQUAL)
def test_mathematics_pays_every_legal_form(name: str) -> None:
    gold, answer = EQUAL[name]
    assert verify("math500", json.dumps({"answer": gold}), answered(answer)).reason is Reason.CORRECT


ALSO_RIGHT = {"gsm8k": {"exploit:target_only"}}
"""The gold of the GSM8K example is 64."""


def judged(text: str) -> tuple[bool, str, str | None]:
    outcome = verify("countdown", GOLD, text)
    return outcome.correct, outcome.reason.value, outcome.answer


def test_threads_and_processes_judge_alike() -> None:
    texts = [t for t in (responses() | LEGAL).values() if "\ud800" not in t]
    here = [judged(t) for t in texts]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(judged, texts)) == here
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        assert list(processes.map(judged, texts, chunksize=len(texts))) == here


@pytest.mark.engine
def test_an_actor_judges_alike(tmp_path) -> None:
    import ray

    texts = [t for t in (responses() | LEGAL).values() if "\ud800" not in t]
    ray.init(num_cpus=1, include_dashboard=False, _temp_dir="/tmp/rtasks", log_to_driver=False)
    try:

        @ray.remote(num_cpus=0.1)
        class Judge:
            def judge(self, texts: list[str]) -> list[tuple[bool, str, str | None]]:
                return [judged(t) for t in texts]

            def formulas(self) -> list[str]:
                from sfray.tasks.mathematics import judge

                return [judge({"answer": g}, a).reason.value for g, a in FORMULAS]

        judge = Judge.remote()
        assert ray.get(judge.judge.remote(texts)) == [judged(t) for t in texts]
        assert ray.get(judge.formulas.remote()) == ["correct", "wrong_value", "too_long", "correct"]
    finally:
        ray.shutdown()


FORMULAS = [(r"\frac{1}{2}", "0.5"), ("x+1", "x+2"), ("2", "9^{9^{9^{9}}}"), ("x^2", "x*x")]


def test_right_is_right() -> None:
    assert json.loads(GOLD) == {"numbers": [3, 5, 8], "target": 64}
    assert judged(answered(RIGHT)) == (True, "correct", RIGHT)
