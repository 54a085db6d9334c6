"""Questions and folders that the sampling tests share."""

from __future__ import annotations

import json
from pathlib import Path

from sfray.config import Config, EngineConfig, ModelConfig, ReflectConfig, SampleConfig, TraceConfig
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Attempt, Question
from sfray.store.artifact import Artifact

QUESTION = Question(
    id="countdown-3:sft:000000",
    task="countdown",
    level="3",
    split="sft",
    text="Use the numbers 3, 5 and 8 with + - * / to make 64. Use each number at most once.",
    gold=json.dumps({"numbers": [3, 5, 8], "target": 64}),
    answer="(3 + 5) * 8",
)
CONFIG = Config(
    model=ModelConfig(context=512),
    engine=EngineConfig(actors=1),
    sample=SampleConfig(n=2, variants=["plain", "plan"], max_tokens=64),
    reflect=ReflectConfig(n=2, max_tokens=64),
    trace=TraceConfig(max_tokens=400),
)


def stage(root: Path, name: str) -> Artifact:
    """An open stage of a run below ``root``."""
    made = Artifact(root / name, name, {}, {})
    made.open()
    return made


def write_questions(root: Path, split: str = "sft", questions: tuple[Question, ...] = (QUESTION,)) -> None:
    """The questions stage's file of one split, a question a shard."""
    write_table(root / "questions" / f"{split}.parquet", to_table(Question, questions), row_group_size=1)


def attempt(text: str, correct: bool, answer: str | None, finish: str = "stop", k: int = 0) -> Attempt:
    """An attempt at ``QUESTION``."""
    reason = "correct" if correct else ("wrong_value" if answer else "no_answer")
    key = f"{QUESTION.id}/plain/{k}"
    return Attempt(
        id=key,
        question_id=QUESTION.id,
        variant="plain",
        sample=k,
        hinted=False,
        text=text,
        tokens=len(text),
        finish=finish,
        correct=correct,
        reason=reason,
        answer=answer,
    )
