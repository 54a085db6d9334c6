"""Questions in verl's schema."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from sfray.prompts import load
from sfray.records import Question
from sfray.tasks.rl_row import RL_SCHEMA, rl_row

GOLD = '{"numbers": [3, 5], "target": 8}'
QUESTION = Question(
    id="countdown-3:rl:000007",
    task="countdown",
    level="3",
    split="rl",
    text="Use 3 and 5 to make 8.",
    gold=GOLD,
    answer="3 + 5",
)


def test_a_question_in_verls_schema() -> None:
    row = rl_row(QUESTION, load(), 2)
    assert row == {
        "data_source": "countdown",
        "prompt": [
            {
                "role": "user",
                "content": "Use 3 and 5 to make 8. Think step by step, then give the expression in <answer> tags.",
            }
        ],
        "ability": "countdown",
        "reward_model": {"style": "rule", "ground_truth": '{"numbers": [3, 5], "target": 8}'},
        "extra_info": {
            "split": "rl",
            "index": 2,
            "id": "countdown-3:rl:000007",
            "level": "3",
            "answer": "3 + 5",
        },
    }
    assert pa.Table.from_pylist([row], RL_SCHEMA).to_pylist() == [row]


def test_a_complete_question_gets_no_instructions() -> None:
    asked = rl_row(replace(QUESTION, complete=True), load(), 0)["prompt"]
    assert asked == [{"role": "user", "content": "Use 3 and 5 to make 8."}]
