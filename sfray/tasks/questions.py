"""The questions stage: every split of the task, written once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sfray.arrow import to_table
from sfray.config import Config
from sfray.files import write_table
from sfray.records import Question, Reject
from sfray.store import Stage
from sfray.tasks.registry import build
from sfray.tasks.task import SPLITS


def run(config: Config, stage: Stage, inputs: Mapping[str, Path]) -> None:  # noqa: ARG001 - as every stage
    """Generates or loads the questions of each split.

    Each file's row groups hold ``run.shard_questions`` questions: the shards of every
    stage that follows.

    Raises:
        ValueError: The task's options are wrong, a split cannot be filled, or two splits
            share a question.
    """
    task = build(config.task.name, config.task.options)
    counts: dict[str, int] = {}
    rejects: list[Reject] = []
    owner: dict[str, str] = {}
    for split in SPLITS:
        try:
            questions = _questions(task.questions(split, getattr(config.task, split), config.run.seed), rejects)
        except ValueError as error:
            if not rejects:
                raise
            raise ValueError(f"{error}; every rejected row: {stage.keep_rejects(rejects)}") from error
        for question in questions:
            if owner.setdefault(f"{question.text}\n{question.gold}", split) != split:
                raise ValueError(f"task: {question.id} also stands in another split")
        table = to_table(Question, questions)
        write_table(stage.path / f"{split}.parquet", table, row_group_size=config.run.shard_questions)
        counts[split] = len(questions)
    stage.commit(counts, rejects=rejects)


def _questions(rows: Iterable[Question | Reject], rejects: list[Reject]) -> list[Question]:
    """The questions among the rows; the others are added to ``rejects``, also before an error."""
    questions: list[Question] = []
    for row in rows:
        if isinstance(row, Question):
            questions.append(row)
        else:
            rejects.append(row)
    return questions
