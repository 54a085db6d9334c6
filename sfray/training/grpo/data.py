"""The RL questions as the Parquet files that verl reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sfray.artifacts import Questions
from sfray.config.settings import GrpoSettings
from sfray.io.arrow import from_table
from sfray.io.parquet import write_table
from sfray.models import control_token, prompt_ids
from sfray.prompts import Message, Prompts
from sfray.records import Question, Reject
from sfray.rejects import RejectReason
from sfray.seeds import rng
from sfray.tasks.rl_row import RL_SCHEMA, rl_row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VALIDATION_QUESTIONS = 64
"""Questions of the accuracy along the way; the evaluation stage measures the real one."""


def split_over_long(
    rows: Sequence[dict[str, Any]], tokenizer: PreTrainedTokenizerBase, limit: int
) -> tuple[list[dict[str, Any]], list[Reject]]:
    """Parts the rows whose prompt is over ``limit`` tokens, on which verl would stop, or holds a control token.

    verl encodes the rendered conversation as the engines do, so a control token in a question
    would end the turn there.
    """
    kept, rejects = [], []
    for entry in rows:
        if refused := _refusal(entry["prompt"], tokenizer, limit):
            reason, detail = refused
            rejects.append(Reject(id=entry["extra_info"]["id"], reason=reason, detail=detail))
        else:
            kept.append(entry)
    return kept, rejects


def _refusal(
    prompt: Sequence[Message], tokenizer: PreTrainedTokenizerBase, limit: int
) -> tuple[RejectReason, str] | None:
    for message in prompt:
        if token := control_token(tokenizer, message["content"]):
            return RejectReason.CONTROL_TOKEN, f"{token} in the {message['role']} turn"
    length = len(prompt_ids(tokenizer, prompt))
    return (RejectReason.PROMPT_TOO_LONG, f"{length} tokens, grpo.max_prompt = {limit}") if length > limit else None


def left_out(rejects: Sequence[Reject], kept: int, limit: int) -> str | None:
    """A warning about the prompts that are too long to train on; None without any.

    Args:
        rejects: Of training and validation.
        kept: Training prompts that are left.
        limit: ``grpo.max_prompt``.
    """
    long = [r for r in rejects if r.reason == RejectReason.PROMPT_TOO_LONG]
    if not long:
        return None
    share = len(long) / (len(rejects) + kept)
    return (
        f"grpo: {len(long):,} prompts ({share:.1%}) are over grpo.max_prompt = {limit} tokens and are left out; "
        f"they are in rejects.parquet"
    )


def validation_sample(questions: Sequence[Question], trained: Collection[Question], seed: int) -> list[Question]:
    """A seeded sample of the evaluation questions, of the trained tasks and levels where there are any."""
    levels = {(q.task, q.level) for q in trained}
    like = [q for q in questions if (q.task, q.level) in levels] or list(questions)
    return rng(seed, "grpo", "validation").sample(like, min(VALIDATION_QUESTIONS, len(like)))


def write(
    config: GrpoSettings,
    prompts: Prompts,
    questions: Questions,
    validation: Questions,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
) -> tuple[list[dict[str, Any]], list[Reject]]:
    """Writes ``train.parquet`` and ``validation.parquet``.

    Args:
        config: The settings.
        prompts: The words to ask in.
        questions: What to train on.
        validation: Held-out questions, of which a sample is taken.
        tokenizer: The model's.
        folder: Where the files go.

    Returns:
        The training rows, and the rejects of both files.

    Raises:
        ValueError: Fewer training rows than one batch, or no validation row.
    """
    rl = from_table(Question, pq.read_table(questions.file))
    held_out = from_table(Question, pq.read_table(validation.file))
    sample = validation_sample(held_out, rl, config.run.seed)
    rejects: list[Reject] = []
    files: dict[str, list[dict[str, Any]]] = {}
    for name, chosen in (("train", rl), ("validation", sample)):
        rows = [rl_row(q, prompts, i) for i, q in enumerate(chosen)]
        files[name], dropped = split_over_long(rows, tokenizer, config.grpo.max_prompt)
        rejects += dropped
    if len(files["train"]) < config.grpo.batch:
        raise ValueError(
            f"grpo.batch: {config.grpo.batch} prompts per step, and {len(files['train'])} questions are left "
            f"after {len(rejects)} rejects; raise task.rl.count or grpo.max_prompt"
        )
    if not files["validation"]:
        raise ValueError("task.eval.count: GRPO needs at least one evaluation question within grpo.max_prompt")
    for name, rows in files.items():
        write_table(folder / f"{name}.parquet", pa.Table.from_pylist(rows, RL_SCHEMA))
    return files["train"], rejects
