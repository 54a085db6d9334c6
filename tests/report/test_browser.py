from dataclasses import replace

from sfray.grammar import Pair, render
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Completion, Trace
from sfray.report.browser import MAX_CHARS, filters, responses, shorten, traces
from tests.evaluation.rows import RIGHT, WRONG, completion, question, trace, write_parts, write_questions

_TEXT = render([Pair(RIGHT, "<verdict>Correct</verdict>")], [], "So:", "3 * 5")


def _parts(folder):
    return sorted(folder.glob("part-*.parquet"))


def test_traces_are_a_seeded_sample(tmp_path):
    rows = [[trace(question(i), k, _TEXT) for k in range(2)] for i in range(20)]
    parts = _parts(write_parts(tmp_path, "traces", Trace, rows))
    chosen = list(traces(parts, 5, seed=0))
    assert len(chosen) == 5
    assert chosen == list(traces(parts, 5, seed=0))
    assert [e.id for e in chosen] != [e.id for e in traces(parts, 5, seed=1)]
    assert [e.id for e in chosen] == sorted(e.id for e in chosen)
    first = chosen[0]
    assert (first.kind, first.group, first.correct, first.attempts, first.reason) == (
        "trace", "countdown-3", True, 1, "1 correct, 0 incorrect"
    )  # fmt: skip


def test_a_trace_is_marked_by_the_answer_that_it_gives(tmp_path):
    rows = [replace(trace(question(i), 0, _TEXT), correct=i > 0) for i in range(3)]
    parts = _parts(write_parts(tmp_path, "traces", Trace, [rows]))
    assert [e.correct for e in traces(parts, 3, seed=0)] == [False, True, True]


def test_traces_of_runs_that_did_not_say_so_are_still_shown(tmp_path):
    table = to_table(Trace, [trace(question(0), 0, _TEXT)]).drop_columns(["correct"])
    write_table(tmp_path / "part-00000.parquet", table)
    assert [e.correct for e in traces(_parts(tmp_path), 3, seed=0)] == [True]


def test_responses_show_the_same_questions_of_each_model_right_and_wrong(tmp_path):
    asked = [question(i) for i in range(12)]
    base = [completion(q, k, WRONG) for q in asked for k in (0, 1)]
    grpo = [completion(q, k, _TEXT if i % 2 else WRONG) for i, q in enumerate(asked) for k in (0, 1)]
    models = {n: _parts(write_parts(tmp_path, n, Completion, [rows])) for n, rows in (("base", base), ("grpo", grpo))}
    questions = write_questions(tmp_path, eval=asked) / "eval.parquet"
    chosen = list(responses(models, questions, 6, seed=0))
    of = {m: [e for e in chosen if e.kind == m] for m in ("base", "grpo")}
    assert len(of["base"]) == len(of["grpo"]) == 6
    assert [e.id for e in of["base"]] == [e.id for e in of["grpo"]]
    assert sorted(e.correct for e in of["grpo"]) == [False] * 3 + [True] * 3
    assert of["base"][0].reason == "wrong_value"
    assert of["grpo"][0].prompt == "Make 15 of 3 and 5."
    assert filters(chosen) == {"kind": ["base", "grpo"], "group": ["countdown-3"]}


def test_few_right_answers_leave_room_for_wrong_ones(tmp_path):
    asked = [question(i) for i in range(5)]
    rows = [completion(q, 0, RIGHT if i == 0 else WRONG) for i, q in enumerate(asked)]
    parts = _parts(write_parts(tmp_path, "evaluate", Completion, [rows]))
    questions = write_questions(tmp_path, eval=asked) / "eval.parquet"
    chosen = list(responses({"base": parts}, questions, 4, seed=0))
    assert sorted(e.correct for e in chosen) == [False, False, False, True]


def test_no_models_no_responses(tmp_path):
    questions = write_questions(tmp_path, eval=[question(0)]) / "eval.parquet"
    assert list(responses({}, questions, 4, seed=0)) == []


def test_shorten_says_what_it_left_out():
    assert shorten("a" * MAX_CHARS) == ("a" * MAX_CHARS, 0)
    text, left_out = shorten("a" * MAX_CHARS + "b" * 1500)
    assert left_out == 1500
    assert "[… 1,500 characters left out …]" in text
    assert text.startswith("a")
    assert text.endswith("b")
