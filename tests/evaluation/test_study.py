from dataclasses import replace

import pytest

from sfray.evaluation.outcomes import NotComparable, Outcomes
from sfray.evaluation.study import Study, method_of
from tests.evaluation.rows import RIGHT, WRONG, completion, question


def run(tmp_path, name, seed=0, models=("base", "grpo"), asked=None, text=RIGHT, lacks=()):
    asked = asked or [question(0), question(1), question(0, level="4")]
    rows = {m: [completion(q, 0, text) for q in asked if q.id not in lacks] for m in models}
    return Outcomes(tmp_path / name, name, seed, {q.id: q for q in asked}, rows)


@pytest.mark.parametrize(
    ("name", "seed", "method"),
    [
        ("rl_only_2", 2, "rl_only"),
        ("rl_only-seed2", 2, "rl_only"),
        ("rl_only_s2", 2, "rl_only"),
        ("rl_only_seed=2", 2, "rl_only"),
        ("rl_only_2", 1, "rl_only_2"),
        ("quickstart", 0, "quickstart"),
        ("l2", 2, "l2"),
    ],
)
def test_the_method_is_the_name_without_the_seed(tmp_path, name, seed, method):
    assert method_of(run(tmp_path, name, seed)) == method


def test_the_last_models_of_several_methods_are_compared(tmp_path):
    runs = [(None, run(tmp_path, f"{m}_{s}", s)) for m in ("star", "rl_only") for s in (1, 0)]
    study = Study.of(runs)
    assert (study.contenders, study.seeds, study.crossed, study.left_out) == (("star", "rl_only"), (0, 1), True, 0)
    assert study.ids == {
        "countdown-3": [["countdown-3:eval:000000", "countdown-3:eval:000001"]] * 2,
        "countdown-4": [["countdown-4:eval:000000"]] * 2,
    }
    assert study.sources["rl_only"] == {1: "rl_only_1/grpo", 0: "rl_only_0/grpo"}
    there = study.answers("star", 1, "countdown-3")
    assert [rows[0].id for rows in there.values()] == [
        "countdown-3:eval:000000/0",
        "countdown-3:eval:000001/0",
    ]


def test_all_models_of_a_single_method_are_compared(tmp_path):
    assert Study.of([(None, run(tmp_path, "quickstart"))]).contenders == ("base", "grpo")
    both = [(None, run(tmp_path, "a")), ("b", run(tmp_path, "c"))]
    assert Study.of(both, models=["base", "grpo"]).contenders == ("a: base", "a: grpo", "b: base", "b: grpo")


def test_seeds_with_questions_of_their_own_are_told(tmp_path):
    other = [question(0, text="Make 15 another way.")]
    runs = [(None, run(tmp_path, "a_0", 0)), (None, run(tmp_path, "a_1", 1, asked=other))]
    study = Study.of(runs, groups=["countdown-3"])
    assert not study.crossed
    assert list(map(len, study.ids["countdown-3"])) == [2, 1]
    assert list(study.ids) == ["countdown-3"]
    assert list(Study.of(runs).ids) == ["countdown-3"]  # level 4 was asked under seed 0 only


def test_questions_that_someone_left_out_are_left_out_for_all(tmp_path):
    lacks = ["countdown-3:eval:000001"]
    study = Study.of([(None, run(tmp_path, "a")), (None, run(tmp_path, "b", lacks=lacks))])
    assert study.ids["countdown-3"] == [["countdown-3:eval:000000"]]
    assert study.left_out == 1


def test_what_cannot_be_paired_is_said(tmp_path):
    a = run(tmp_path, "a")

    def refuses(runs, message, **more):
        with pytest.raises(NotComparable, match=message):
            Study.of(runs, **more)

    other = [replace(question(0), text="Make 16."), question(1)]
    refuses(
        [(None, a), (None, run(tmp_path, "b", asked=other))],
        r"asked different questions \(seed 0: countdown-3:eval:000000 is 'Make 15",
    )
    refuses([(None, a), (None, run(tmp_path, "b", asked=[question(7)]))], "nothing to pair: there is no question")
    refuses([(None, a), (None, run(tmp_path, "b", seed=1))], r"a has no run with run\.seed 1, which b has")
    refuses([("x", a), ("x", run(tmp_path, "b"))], r"both are 'x' with run\.seed 0; name them apart: NAME=")
    refuses([(None, run(tmp_path, "a", models=["base"]))], "there is only a: name two models")
    refuses([(None, a)], "no model 'grop' was evaluated; did you mean 'grpo'", models=["grop"])
    refuses([(None, a)], "no model answered 'countdown-7'; did you mean", groups=["countdown-7"])
    lacks = ["countdown-4:eval:000000"]
    refuses(
        [(None, a), (None, run(tmp_path, "b", lacks=lacks))],
        "nothing to pair: no question of countdown-4",
        groups=["countdown-4"],
    )


def test_texts_of_the_answers_do_not_matter(tmp_path):
    study = Study.of([(None, run(tmp_path, "a")), (None, run(tmp_path, "b", text=WRONG))])
    assert [r.correct for rows in study.answers("b", 0, "countdown-3").values() for r in rows] == [False, False]
