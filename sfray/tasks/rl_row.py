"""A question as verl's RL trainer reads it: what GRPO trains on and what the export hands on."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sfray.prompts import Prompts
from sfray.records import Question
from sfray.tasks.registry import family

TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
"""A conversation in Arrow."""

RL_SCHEMA = pa.schema([
    ("data_source", pa.string()),
    ("prompt", TURNS),
    ("ability", pa.string()),
    ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
    ("extra_info", pa.struct(
        [("index", pa.int64()), *((k, pa.string()) for k in ("split", "id", "level", "answer"))]
    )),
])  # fmt: skip
"""The Arrow schema of the rows."""


def rl_row(question: Question, prompts: Prompts, index: int) -> dict[str, Any]:
    """A row of verl's schema (https://verl.readthedocs.io, "Prepare data").

    Args:
        question: The question; its ``gold`` is what our verifier takes as ``ground_truth``.
        prompts: The wording of the user turn.
        index: Position among the rows of the file.
    """
    return {
        "data_source": question.task,
        "prompt": prompts.question(question.text, family(question.task).answer_type, question.complete),
        "ability": question.task,
        "reward_model": {"style": "rule", "ground_truth": question.gold},
        "extra_info": {
            "split": question.split,
            "index": index,
            "id": question.id,
            "level": question.level,
            "answer": question.answer,
        },
    }
