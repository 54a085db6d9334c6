from dataclasses import replace

import pytest

from sfray import seeds
from sfray.config import Config, TraceConfig
from sfray.evaluation.yields import Yield
from sfray.prompts import load
from sfray.traces.build import Workshop, build_question
from tests.evaluation.rows import RIGHT, WRONG, attempt, question, reflection

_Q = question(0, split="sft")


def _rows(right, wrong, reflections=1):
    attempts = [attempt(_Q, i, RIGHT if i < right else WRONG) for i in range(right + wrong)]
    verdicts = {True: "Correct", False: "Incorrect"}
    return attempts, [reflection(a, k, verdicts[a.correct]) for a in attempts for k in range(reflections)]


def _yield(right, wrong, config=None, reflections=1):
    found = Yield()
    found.add(_Q.id, _Q.text, *_rows(right, wrong, reflections), config or Config())
    return found


def test_pools_count_pairs():
    found = _yield(right=2, wrong=3, reflections=4)
    assert (found.correct, found.incorrect) == ([8], [12])


def test_a_question_without_a_correct_pair_yields_nothing():
    found = _yield(right=0, wrong=3)
    assert (found.traces, found.traceable, found.longest) == (0, 0, [0])
    assert found.to_json()["questions_by_longest_trace"] == {"0": 1}


def test_a_recipe_of_fixed_lengths_yields_them():
    config = replace(Config(), trace=TraceConfig(recipe="fixed_ratio", n_correct=2, n_incorrect=1))
    found = _yield(right=5, wrong=2, config=config)
    assert dict(found.lengths) == {3: 2}
    assert (found.traces, found.traceable, found.longest) == (2, 1, [3])


@pytest.mark.parametrize(
    "trace",
    [
        TraceConfig(),
        TraceConfig(max_per_question=2),
        TraceConfig(recipe="each_length"),
        TraceConfig(attempts_per_question=7),
        TraceConfig(recipe="each_length", attempts_per_question=4, max_per_question=2),
    ],
)
def test_the_traces_stage_makes_just_these(trace):
    config = replace(Config(), trace=replace(trace, max_tokens=10**9))
    attempts, reflections = _rows(6, 5, reflections=2)
    found = Yield()
    found.add(_Q.id, _Q.text, attempts, reflections, config)
    workshop = Workshop(config.trace, config.run.seed, load(), lambda p, t: 1)
    built = build_question(_Q, attempts, reflections, workshop)
    assert found.traces == len(built.traces)
    assert sorted(found.lengths.elements()) == sorted(len(t.attempts) for t in built.traces)


def test_fewer_attempts_make_smaller_pools():
    config = replace(Config(), trace=TraceConfig(attempts_per_question=5))
    found = _yield(right=6, wrong=5, config=config, reflections=2)
    assert found.correct[0] + found.incorrect[0] == 10


def test_an_unjudged_attempt_is_in_no_pool():
    attempts, reflections = _rows(2, 2)
    attempts[-1] = replace(attempts[-1], reason="timeout")
    found = Yield()
    found.add(_Q.id, _Q.text, attempts, reflections, Config())
    assert (found.correct, found.incorrect) == ([2], [1])


def test_the_draw_depends_on_the_seed_alone():
    one, again = _yield(6, 6), _yield(6, 6)
    assert one == again
    drawn = {
        tuple(_yield(6, 6, replace(Config(), run=replace(Config().run, seed=s))).lengths.items()) for s in range(9)
    }
    assert len(drawn) > 1
    assert seeds.derive(0, "traces") != seeds.derive(1, "traces")


def test_token_estimate_by_hand():
    config = replace(Config(), trace=TraceConfig(recipe="one_correct", max_tokens=5))
    found = _yield(right=1, wrong=0, config=config)
    assert found.tokens == 20 + 10 + round((len(_Q.text) + 150 + 75) / 4.5)
    assert found.over_long == 1


def test_sets_add_up():
    one, other = _yield(2, 1), _yield(0, 4)
    both = one.merged(other)
    assert both.traces == one.traces
    assert (both.correct, both.incorrect) == ([2, 0], [1, 4])
    assert both.to_json()["pool_correct"]["histogram"] == {"0": 1, "2": 1}
    assert both.to_json()["traceable_questions"] == 1
    assert Yield().to_json()["pool_correct"] == {"histogram": {}}
