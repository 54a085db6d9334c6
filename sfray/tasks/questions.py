"""Every split of a task, written once."""

from __future__ import annotations

from collections.abc import Iterable

from sfray.config.settings import QuestionSettings
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Question, Reject
from sfray.store.artifact import Artifact
from sfray.tasks.registry import build
from sfray.tasks.task import SPLITS


def write(config: QuestionSettings, output: Artifact) -> None:
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
            raise ValueError(f"{error}; every rejected row: {output.keep_rejects(rejects)}") from error
        for question in questions:
            if owner.setdefault(f"{question.text}\n{question.gold}", split) != split:
                raise ValueError(f"task: {question.id} is also in another split")
        table = to_table(Question, questions)
        write_table(output.path / f"{split}.parquet", table, row_group_size=config.run.shard_questions)
        counts[split] = len(questions)
    output.commit(counts, rejects=rejects)


def _questions(rows: Iterable[Question | Reject], rejects: list[Reject]) -> list[Question]:
    """The questions among the rows; the others are added to ``rejects``, also before an error."""
    questions: list[Question] = []
    for row in rows:
        if isinstance(row, Question):
            questions.append(row)
        else:
            rejects.append(row)
    return questions
