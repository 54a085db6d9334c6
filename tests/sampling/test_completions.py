"""From evaluation questions to judged completions."""

import dataclasses

from sfray.artifacts import Questions
from sfray.sampling.completions import CompletionJob
from sfray.sampling.engine import Sampled
from tests.sampling.rows import CONFIG, QUESTION, stage, write_questions


def job(tmp_path, config=CONFIG):
    write_questions(tmp_path, "eval", (QUESTION, dataclasses.replace(QUESTION, id="countdown-3:eval:000001")))
    return CompletionJob(stage(tmp_path, "evaluate"), config, Questions(tmp_path / "questions", "eval"))


def test_a_shard_is_a_row_group(tmp_path):
    questions, requests, _ = job(tmp_path).requests(1)
    assert [q.id for q in questions] == ["countdown-3:eval:000001"]
    assert [r.id for r in requests] == ["countdown-3:eval:000001"]
    assert [m["role"] for m in requests[0].messages] == ["user"]


def test_models_are_compared_on_the_same_draws(tmp_path):
    other = dataclasses.replace(CONFIG, model=dataclasses.replace(CONFIG.model, path="another"))
    first, second = job(tmp_path).requests(0)[1][0], job(tmp_path, other).requests(0)[1][0]
    assert first == second


def test_only_the_answer_after_the_thinking_counts(tmp_path):
    texts = [
        "<think>\n<sample>\n<answer>(3 + 5) * 8</answer>\n</sample>\n</think>\n\n<answer>\n3 + 5\n</answer>",
        "<think>\n<sample>\n<answer>3</answer>\n</sample>\n</think>\n\n<answer>\n(3 + 5) * 8\n</answer>",
        "<think>\n<sample>\n<answer>(3 + 5) * 8</answer>",
    ]
    rows, _ = job(tmp_path).rows(QUESTION, [Sampled(t, 5, "stop") for t in texts])
    assert [(r.id, r.reason) for r in rows] == [
        (f"{QUESTION.id}/0", "wrong_value"),
        (f"{QUESTION.id}/1", "correct"),
        (f"{QUESTION.id}/2", "unclosed_think"),
    ]
