"""From evaluation questions to judged completions."""

import dataclasses

from sfray.sampling.completions import CompletionJob, models
from sfray.sampling.engine import Sampled
from tests.sampling.rows import CONFIG, QUESTION, stage, write_questions


def job(tmp_path, model="sft", first=3):
    write_questions(tmp_path, "eval", (QUESTION, dataclasses.replace(QUESTION, id="countdown-3:eval:000001")))
    return CompletionJob(CONFIG, stage(tmp_path, "evaluate"), tmp_path / "questions" / "eval.parquet", model, first)


def test_shards_count_from_the_models_first_part(tmp_path):
    questions, requests, _ = job(tmp_path).requests(4)
    assert [q.id for q in questions] == ["countdown-3:eval:000001"]
    assert [r.id for r in requests] == ["sft/countdown-3:eval:000001"]
    assert [m["role"] for m in requests[0].messages] == ["user"]


def test_models_are_compared_on_the_same_draws(tmp_path):
    first = job(tmp_path, "base", 0).requests(0)[1][0]
    second = job(tmp_path, "grpo", 2).requests(2)[1][0]
    assert first.seed == second.seed
    assert first.messages == second.messages


def test_only_the_answer_after_the_thinking_counts(tmp_path):
    texts = [
        "<think>\n<sample>\n<answer>(3 + 5) * 8</answer>\n</sample>\n</think>\n\n<answer>\n3 + 5\n</answer>",
        "<think>\n<sample>\n<answer>3</answer>\n</sample>\n</think>\n\n<answer>\n(3 + 5) * 8\n</answer>",
        "<think>\n<sample>\n<answer>(3 + 5) * 8</answer>",
    ]
    rows, _ = job(tmp_path).rows(QUESTION, [Sampled(t, 5, "stop") for t in texts])
    assert [(r.id, r.reason) for r in rows] == [
        (f"sft/{QUESTION.id}/0", "wrong_value"),
        (f"sft/{QUESTION.id}/1", "correct"),
        (f"sft/{QUESTION.id}/2", "unclosed_think"),
    ]


def test_where_the_models_to_compare_are(tmp_path):
    config = dataclasses.replace(CONFIG, model=dataclasses.replace(CONFIG.model, path=str(tmp_path)))
    (tmp_path / "config.json").write_text("{}")
    inputs = {"sft": tmp_path / "sft", "grpo": tmp_path / "grpo"}
    assert models(config, inputs) == {
        "base": str(tmp_path),
        "sft": str(tmp_path / "sft" / "model"),
        "grpo": str(tmp_path / "grpo" / "model"),
    }
