"""What other trainers read: one layout each, from a trace or a question to a row.

| layout | file | row |
|---|---|---|
| ``sharegpt`` | JSONL | ``conversations`` of ``from``/``value``, roles ``human`` and ``gpt`` |
| ``llamafactory`` | JSONL | ``conversations`` of ``role``/``content``, and ``dataset_info.json`` |
| ``trl`` | Parquet | conversational ``prompt`` and ``completion``: loss on the completion |
| ``trl_messages`` | Parquet | ``messages`` |
| ``verl`` | Parquet | ``messages`` for its SFT trainer, and RL files |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sfray.prompts import Prompts
from sfray.records import Question, Trace
from sfray.tasks.registry import family

TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
"""A conversation in Arrow."""

DATASET_INFO = {
    "sfray": {
        "file_name": "sfray",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
}
"""LLaMA-Factory's entry for a folder of files."""

RL_SCHEMA = pa.schema([
    ("data_source", pa.string()),
    ("prompt", TURNS),
    ("ability", pa.string()),
    ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
    ("extra_info", pa.struct([(k, pa.string()) for k in ("split", "id", "level")] + [("index", pa.int64())])),
])  # fmt: skip
"""verl's RL rows."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one trainer wants traces.

    Attributes:
        row: Trace -> row.
        schema: Arrow schema of a Parquet layout; None for JSONL.
        folder: Where the parts go, below the export's folder.
    """

    row: Callable[[Trace], dict[str, Any]]
    schema: pa.Schema | None
    folder: str


def turns(trace: Trace) -> list[dict[str, str]]:
    """The conversation of a trace."""
    return [{"role": "user", "content": trace.prompt}, {"role": "assistant", "content": trace.text}]


def rl_row(question: Question, prompts: Prompts, index: int) -> dict[str, Any]:
    """A question as verl's RL trainer reads it; ``ground_truth`` is what our verifier takes."""
    return {
        "data_source": question.task,
        "prompt": prompts.question(question.text, family(question.task).answer_type),
        "ability": question.task,
        "reward_model": {"style": "rule", "ground_truth": question.gold},
        "extra_info": {"split": question.split, "index": index, "id": question.id, "level": question.level},
    }


def _sharegpt(trace: Trace) -> dict[str, Any]:
    names = {"user": "human", "assistant": "gpt"}
    spoken = [{"from": names[t["role"]], "value": t["content"]} for t in turns(trace)]
    return {"id": trace.id, "conversations": spoken}


def _llamafactory(trace: Trace) -> dict[str, Any]:
    return {"id": trace.id, "conversations": turns(trace)}


def _trl(trace: Trace) -> dict[str, Any]:
    user, assistant = turns(trace)
    return {"prompt": [user], "completion": [assistant]}


def _messages(trace: Trace) -> dict[str, Any]:
    return {"messages": turns(trace)}


LAYOUTS = {
    "sharegpt": Layout(_sharegpt, None, "."),
    "llamafactory": Layout(_llamafactory, None, "sfray"),
    "trl": Layout(_trl, pa.schema([("prompt", TURNS), ("completion", TURNS)]), "."),
    "trl_messages": Layout(_messages, pa.schema([("messages", TURNS)]), "."),
    "verl": Layout(_messages, pa.schema([("messages", TURNS)]), "sft"),
}
"""Name -> layout."""
