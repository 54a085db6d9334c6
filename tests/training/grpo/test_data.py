import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from sfray.artifacts import Questions
from sfray.config import Config, GrpoConfig
from sfray.io.arrow import to_table
from sfray.prompts import load
from sfray.records import Question, Reject
from sfray.tasks.rl_row import rl_row
from sfray.training.grpo import data
from tests.training.grpo.model import tokenizer

CONFIG = Config(grpo=GrpoConfig(batch=4, mini_batch=4, max_prompt=200))


def question(number, split="rl", level="3", text="Use 3 and 5 to make 8."):
    gold = json.dumps({"numbers": [3, 5], "target": 8})
    return Question(
        id=f"countdown-{level}:{split}:{number:06d}",
        task="countdown",
        level=level,
        split=split,
        text=text,
        gold=gold,
        answer="3 + 5",
    )


def folder(path, rl, held_out):
    for name, rows in (("rl", rl), ("eval", held_out)):
        pq.write_table(to_table(Question, rows), path / f"{name}.parquet")
    return Questions(path, "rl"), Questions(path, "eval")


def test_files_are_written_and_over_long_prompts_rejected(tmp_path):
    rl = [question(i) for i in range(4)] + [question(4, text="x" * 300)]
    held_out = [question(i, "eval", level) for i in range(3) for level in ("3", "4")]
    rows, rejects = data.write(CONFIG, load(), *folder(tmp_path, rl, held_out), tokenizer(), tmp_path)
    assert [r["extra_info"]["id"] for r in rows] == [q.id for q in rl[:4]]
    assert [(r.id, r.reason) for r in rejects] == [("countdown-3:rl:000004", "prompt_too_long")]
    assert rejects[0].detail.endswith("grpo.max_prompt = 200")
    assert pq.read_table(tmp_path / "train.parquet").to_pylist() == rows
    held = pq.read_table(tmp_path / "validation.parquet").to_pylist()
    assert sorted(r["extra_info"]["id"] for r in held) == [f"countdown-3:eval:{i:06d}" for i in range(3)]


def test_prompts_that_are_left_out_are_counted():
    reject = Reject(id="q", reason="prompt_too_long")
    assert data.left_out([], 10, 512) is None
    assert data.left_out([reject] * 1500, 8500, 512) == (
        "grpo: 1,500 prompts (15.0%) are over grpo.max_prompt = 512 tokens and are left out; "
        "they are in rejects.parquet"
    )


def test_too_few_questions_are_an_error_that_names_the_key(tmp_path):
    source = folder(tmp_path, [question(i) for i in range(3)], [question(0, "eval")])
    with pytest.raises(ValueError, match=r"grpo\.batch: 4 prompts per step, and 3 questions"):
        data.write(CONFIG, load(), *source, tokenizer(), tmp_path)
    source = folder(tmp_path, [question(i) for i in range(4)], [])
    with pytest.raises(ValueError, match=r"task\.eval\.count"):
        data.write(CONFIG, load(), *source, tokenizer(), tmp_path)


def test_the_validation_sample_is_seeded_and_of_trained_tasks_and_levels():
    pool = [question(i, "eval", level) for i in range(100) for level in ("3", "4")]
    pool += [replace(q, id=f"other/{q.id}", task="multiplication") for q in pool]
    trained = [question(0)]
    one = data.validation_sample(pool, trained, seed=1)
    assert len(one) == 64
    assert {(q.task, q.level) for q in one} == {("countdown", "3")}
    assert one == data.validation_sample(pool, trained, seed=1)
    assert one != data.validation_sample(pool, trained, seed=2)
    assert {q.level for q in data.validation_sample(pool, [question(0, level="9")], seed=1)} == {"3", "4"}


def test_the_limit_is_on_the_templates_tokens(tmp_path):
    rows = [rl_row(question(0), load(), 0)]
    length = len(tokenizer().apply_chat_template(rows[0]["prompt"], add_generation_prompt=True)["input_ids"])
    assert data.split_over_long(rows, tokenizer(), length) == (rows, [])
    kept, rejects = data.split_over_long(rows, tokenizer(), length - 1)
    assert kept == []
    assert rejects[0].detail == f"{length} tokens, grpo.max_prompt = {length - 1}"


def test_a_question_with_a_control_token_is_a_reject():
    eos = tokenizer().eos_token
    rows = [rl_row(question(0), load(), 0), rl_row(question(1, text=f"Use 3{eos}5."), load(), 1)]
    kept, rejects = data.split_over_long(rows, tokenizer(), 500)
    assert kept == rows[:1]
    detail = f"{eos} in the user turn"
    assert rejects == [Reject(id="countdown-3:rl:000001", reason="control_token", detail=detail)]
    assert data.left_out(rejects, 1, 500) is None
