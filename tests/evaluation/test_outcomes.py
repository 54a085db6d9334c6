import pytest

from sfray.evaluation.outcomes import NotComparable, outcomes
from tests.evaluation.rows import RIGHT, WRONG, completion, question
from tests.evaluation.runs import write_responses, write_results, write_run

_ASKED = [question(0), question(1)]


def right(q, k):
    return RIGHT, 10


def wrong(q, k):
    return WRONG, 12


def test_a_run_is_read_with_its_name_seed_and_models_in_order(tmp_path):
    run = outcomes(write_run(tmp_path, "rl_only_3", 3, _ASKED, {"grpo": right, "base": wrong}))
    assert (run.name, run.seed, list(run.rows), list(run.questions)) == (
        "rl_only_3", 3, ["grpo", "base"], [q.id for q in _ASKED]
    )  # fmt: skip
    assert [(r.question_id, r.sample, r.correct, r.tokens) for r in run.rows["base"]] == [
        (q.id, k, False, 12) for q in _ASKED for k in (0, 1)
    ]


def test_results_of_another_decoding_are_told_apart_by_their_step(tmp_path):
    folder = write_run(tmp_path, "star", 0, _ASKED, {"base": wrong, "sft": right})
    forced = write_responses(folder, "forced", [completion(q, 0, WRONG) for q in _ASKED])
    write_results(folder, "results_forced", {"sft": forced})
    run = outcomes(folder)
    assert set(run.rows) == {"base", "sft (results)", "sft (results_forced)"}
    assert [r.correct for r in run.rows["sft (results)"]] == [True] * 4
    assert [r.correct for r in run.rows["sft (results_forced)"]] == [False] * 2


def test_other_folders_are_refused_by_name(tmp_path):
    with pytest.raises(NotComparable, match=r"is not the folder of a run: there is no config\.yaml"):
        outcomes(tmp_path)
    folder = write_run(tmp_path, "a", 0, _ASKED, {"base": right})
    (folder / "questions" / "manifest.json").unlink()
    with pytest.raises(NotComparable, match=r"a is not finished: it has no questions$"):
        outcomes(folder)
    for text in ("run: [", "run: {name: a}", "", "run: {name: a, seed: x}"):
        other = write_run(tmp_path, f"b{len(text)}", 0, _ASKED, {"base": right})
        (other / "config.yaml").write_text(text)
        with pytest.raises(NotComparable, match=r"config\.yaml: run\.name and run\.seed cannot be read"):
            outcomes(other)


def test_an_unfinished_run_says_how_to_go_on(tmp_path):
    folder = write_run(tmp_path, "a", 0, _ASKED, {"base": right})
    (folder / "eval_base" / "manifest.json").unlink()
    with pytest.raises(NotComparable, match="a: the responses of 'base' are not there"):
        outcomes(folder)
    (folder / "results" / "manifest.json").unlink()
    with pytest.raises(NotComparable, match=r"not finished: it has no results\. The command that"):
        outcomes(folder)


def test_answers_to_unknown_questions_are_refused(tmp_path):
    folder = write_run(tmp_path, "a", 0, _ASKED, {"base": right})
    write_results(folder, "more", {"sft": write_responses(folder, "eval_more", [completion(question(9), 0, RIGHT)])})
    with pytest.raises(NotComparable, match="'countdown-3:eval:000009/0' answers none of the run's questions"):
        outcomes(folder)
