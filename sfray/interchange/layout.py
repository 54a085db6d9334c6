"""What other trainers read: one layout each, from a trace or a question to a row.

- ``sharegpt``: JSONL, ``conversations`` of ``from``/``value``, roles ``human`` and ``gpt``
- ``llamafactory``: JSONL, ``conversations`` of ``role``/``content``, and ``dataset_info.json``
- ``trl``: Parquet, conversational ``prompt`` and ``completion``, loss on the completion
- ``trl_messages``: Parquet, ``messages``
- ``verl``: Parquet, ``messages`` for its SFT trainer, and RL files
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sfray.records import Trace
from sfray.tasks.rl_row import TURNS

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
