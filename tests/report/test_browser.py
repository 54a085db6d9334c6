from dataclasses import replace

import pytest

from sfray.grammar import Pair, render
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Completion, Trace
from sfray.report.browser import entries, rows, select
from tests.evaluation.rows import RIGHT, WRONG, completion, question, trace, write_parts, write_questions

_TEXT = render([Pair(RIGHT, "<verdict>Correct</verdict>")], [], "So:", "3 * 5")


def _parts(folder):
    return sorted(folder.glob("part-*.parquet"))


def _shown(parts, limit=1_000, seed=0):
    return list(entries(select(parts, {}, None, limit, seed)))


def _answered(root, asked, limit=1_000, seed=0, **texts):
    """What is shown of models, each with a text for each sample; in parts of three rows."""
    models = {}
    for name, samples in texts.items():
        given = [completion(q, k, text) for q in asked for k, text in enumerate(samples)]
        parts = [given[i : i + 3] for i in range(0, len(given), 3)]
        models[name] = _parts(write_parts(root, name, Completion, parts))
    return select([], models, write_questions(root, eval=asked) / "eval.parquet", limit, seed)


def test_every_trace_is_shown_in_the_order_of_the_data(tmp_path):
    given = [[trace(question(i), k, _TEXT) for k in range(2)] for i in range(20)]
    parts = _parts(write_parts(tmp_path, "traces", Trace, given))
    shown = _shown(parts)
    assert [e.id for e in shown] == [t.id for shard in given for t in shard]
    first = shown[0]
    assert (first.kind, first.group, first.correct, first.attempts, first.reason) == (
        "trace", "countdown-3", True, 1, "1 correct, 0 incorrect"
    )  # fmt: skip
    assert "".join(p.text for b in first.blocks for p in b.pieces) == _TEXT
    assert rows(parts) == 40


def test_a_trace_is_marked_by_the_answer_that_it_gives(tmp_path):
    given = [replace(trace(question(i), 0, _TEXT), correct=i > 0) for i in range(3)]
    assert [e.correct for e in _shown(_parts(write_parts(tmp_path, "traces", Trace, [given])))] == [False, True, True]


def test_traces_of_runs_that_did_not_say_so_are_still_shown(tmp_path):
    table = to_table(Trace, [trace(question(0), 0, _TEXT)]).drop_columns(["correct"])
    write_table(tmp_path / "part-00000.parquet", table)
    assert [e.correct for e in _shown(_parts(tmp_path))] == [True]


def test_every_answer_of_every_model_is_shown(tmp_path):
    asked = [question(i) for i in range(12)]
    selection = _answered(tmp_path, asked, base=[WRONG, WRONG], grpo=[_TEXT, WRONG])
    assert (selection.total, selection.asked, selection.left_out) == (48, 12, frozenset())
    shown = list(entries(selection))
    ids = [(q.id, k) for q in asked for k in (0, 1)]
    for model in ("base", "grpo"):
        assert [(e.question, e.sample) for e in shown if e.kind == model] == ids
    assert [e.correct for e in shown if e.kind == "grpo"] == [True, False] * 12
    assert (shown[0].reason, shown[0].prompt, shown[0].attempts) == ("wrong_value", "Make 15 of 3 and 5.", 1)


def test_a_long_text_is_shown_whole(tmp_path):
    text = "a" * 100_000 + _TEXT
    (shown,) = entries(_answered(tmp_path, [question(0)], base=[text]))
    assert "".join(p.text for b in shown.blocks for p in b.pieces) == text


def test_a_response_that_was_cut_says_so(tmp_path):
    parts = _parts(write_parts(tmp_path, "base", Completion, [[completion(question(0), 0, WRONG, finish="length")]]))
    asked = write_questions(tmp_path, eval=[question(0)]) / "eval.parquet"
    (shown,) = entries(select([], {"base": parts}, asked, 10, 0))
    assert shown.reason == "wrong_value, cut at the limit"


def test_over_the_limit_a_seeded_choice_of_questions_is_shown_with_all_their_answers(tmp_path):
    asked = [question(i) for i in range(40)]

    def chosen(limit, seed):
        folder = tmp_path / f"{limit}-{seed}"
        selection = _answered(folder, asked, limit, seed, base=[WRONG] * 2, grpo=[RIGHT] * 2)
        assert (selection.total, selection.asked) == (160, 40)
        return selection, list(entries(selection))

    selection, shown = chosen(41, 0)  # 10 questions have 40 answers
    assert len(selection.left_out) == 30
    kept = [q.id for q in asked if q.id not in selection.left_out]
    assert [e.question for e in shown] == [q for q in kept for _ in range(2)] * 2
    assert kept != [q.id for q in asked[:10]]
    assert chosen(41, 0)[0].left_out == selection.left_out
    assert chosen(41, 1)[0].left_out != selection.left_out
    assert set(kept) < {e.question for e in chosen(80, 0)[1]}  # a larger page has all that a smaller one has


@pytest.mark.parametrize(("limit", "shown"), [(0, 0), (1, 0), (5, 1), (19, 3), (20, 4), (21, 4)])
def test_no_more_than_the_limit_is_shown(tmp_path, limit, shown):
    given = [[trace(question(i), k, _TEXT) for k in range(5)] for i in range(4)]
    selection = select(_parts(write_parts(tmp_path, "traces", Trace, given)), {}, None, limit, 0)
    assert len({e.question for e in entries(selection)}) == shown == 4 - len(selection.left_out)
    assert len(list(entries(selection))) == 5 * shown


def test_no_models_no_responses(tmp_path):
    assert list(entries(_answered(tmp_path, [question(0)]))) == []
    assert list(entries(select([], {}, None, 4, 0))) == []
