"""Imports the paper's released raw data into a run: questions, attempts and reflections.

    sfray import skillfactory data.parquet --run runs/released
    python launch.py run.name=released steps=[sft]

Every attempt is judged again by our verifier; where the label that came with it says
otherwise, ours counts and the disagreement is reported. The rows are spilled to disk by
shard while they are read, so memory holds the questions and one shard, whatever the size
of the data and the order of its rows.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sfray.grammar import Verdict, VerdictError, parse_verdict
from sfray.interchange.gold import gold, require
from sfray.interchange.released import (
    AS_READ,
    COLUMNS,
    DEFAULT_VARIANTS,
    Options,
    Row,
    RowRefused,
    dropped_by_script,
    read,
)
from sfray.interchange.source import Unreadable, digest, rows
from sfray.io.arrow import to_table
from sfray.io.files import remove
from sfray.io.parquet import write_table
from sfray.prompts import HINT_WORD
from sfray.records import Attempt, Question, Reflection, Reject
from sfray.rejects import RejectReason
from sfray.store.artifact import Artifact
from sfray.tasks.judgement import judged
from sfray.tasks.task import question_id

_BUFFERED_ROWS = 4096
_EXAMPLES = 20

FAILED_REJECTS = "import_rejects.parquet"
"""File of an import that failed, in the run's folder: each rejected row with its reason."""

CountText = Callable[[str], int]
"""Tokens of a text."""


@dataclass
class Agreement:
    """Their labels beside ours.

    Attributes:
        counts: ``agree``, ``only_theirs_correct``, ``only_ours_correct``, ``unlabelled`` attempts.
        reasons: Our reasons for the attempts that only they call correct.
        examples: Some disagreements.
    """

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def note(self, theirs: bool | None, ours: Attempt) -> None:
        """Counts one attempt."""
        if theirs is None:
            self.counts["unlabelled"] += 1
            return
        if theirs == ours.correct:
            self.counts["agree"] += 1
            return
        self.counts["only_theirs_correct" if theirs else "only_ours_correct"] += 1
        if theirs:
            self.reasons[ours.reason] += 1
        if len(self.examples) < _EXAMPLES:
            detail = {"id": ours.id, "theirs": theirs, "ours": ours.correct, "reason": ours.reason}
            self.examples.append(detail | {"answer": ours.answer})

    def summary(self) -> dict[str, Any]:
        """As it goes into the manifest."""
        return {
            "labels": dict(sorted(self.counts.items())),
            "reasons": dict(self.reasons.most_common()),
            "disagreements": self.examples,
        }


def import_run(
    source: str,
    run: Path,
    task: str,
    count: CountText,
    shard_questions: int = 16,
    model: str = "",
    options: Options = AS_READ,
) -> dict[str, Any]:
    """Writes the first three steps of a run from released raw data.

    Args:
        source: A file, a folder or a hub name, see :func:`sfray.interchange.source.rows`.
        run: The run's folder; its steps must be empty or of this very import.
        task: The family that judges the answers (``countdown`` for the released Countdown data).
        count: Tokens of a text, for the records' ``tokens``.
        shard_questions: Questions per shard (``run.shard_questions``).
        model: Whose tokens ``count`` counts.
        options: Choices of the released script to take over.

    Returns:
        The counts of each step, the rejects by reason, and how our labels agree with theirs.

    Raises:
        sfray.store.artifact.ArtifactConflict: The run holds other data.
        ValueError: There is nothing to import, or a file that cannot be read; the message names
            :data:`FAILED_REJECTS`, which then has the rows that were rejected until then.
    """
    require(task)
    # Data is known by its content, and only without one by its name.
    origin = {"imported": "skillfactory", "content": digest(source) or source, "task": task, "model": model}
    # Imports from before questions were complete are other data: their user turns have our instructions too.
    origin |= {"complete": True} | asdict(options)
    questions_stage = Artifact(run / "questions", "questions", origin | {"shard_questions": shard_questions}, {})
    attempts_stage = Artifact(run / "attempts", "sample", origin, {"questions": questions_stage.fingerprint})
    reflections_stage = Artifact(run / "reflections", "reflect", origin, {"attempts": attempts_stage.fingerprint})
    spill = run / ".import"
    shutil.rmtree(spill, ignore_errors=True)
    rejects: list[Reject] = []
    with _kept_when_failing(run / FAILED_REJECTS, rejects):
        try:
            questions = _spill(source, task, spill, shard_questions, options, rejects)
            if not questions:
                raise ValueError(f"{source}: none of its {len(rejects)} rows could be read; the first: {rejects[:1]}")
            # Only now: data that cannot be read must not claim the run.
            for stage in (questions_stage, attempts_stage, reflections_stage):
                stage.open()
            _write_questions(questions_stage, questions, shard_questions, rejects)
            agreement, counts = _write_shards(
                attempts_stage, reflections_stage, questions, spill, count, shard_questions, options
            )
        finally:
            shutil.rmtree(spill, ignore_errors=True)
    attempts_stage.commit(counts["attempts"], agreement.summary())
    reflections_stage.commit(counts["reflections"])
    reasons = Counter(r.reason for r in rejects)
    return {"questions": len(questions), **counts, "rejects": dict(sorted(reasons.items())), **agreement.summary()}


@contextmanager
def _kept_when_failing(file: Path, rejects: list[Reject]) -> Iterator[None]:
    """Writes the rejects beside the stages when what is inside fails, and says so in the message of a bad input."""
    remove(file)
    done = False
    try:
        yield
        done = True
    except ValueError as error:
        if not rejects:
            raise
        reasons = ", ".join(f"{n} {reason}" for reason, n in Counter(r.reason for r in rejects).most_common())
        raise ValueError(f"{error}; every rejected row ({reasons}): {file}") from error
    finally:
        if rejects and not done:
            write_table(file, to_table(Reject, rejects))


def _spill(source: str, task: str, spill: Path, size: int, options: Options, rejects: list[Reject]) -> list[Question]:
    """Reads every row once; leaves one file of rows per shard, and adds what cannot be used to ``rejects``."""
    numbers: dict[tuple[str, str], int] = {}
    questions: list[Question] = []
    buffers: defaultdict[int, list[str]] = defaultdict(list)
    spill.mkdir(parents=True)
    for seen, (where, raw) in enumerate(rows(source, COLUMNS), start=1):
        try:
            if isinstance(raw, Unreadable):
                raise RowRefused(RejectReason.UNREADABLE_ROW, raw.detail)
            row = read(raw)
            if options.default_variants and row.variant not in DEFAULT_VARIANTS:
                raise RowRefused(RejectReason.OTHER_VARIANT, row.variant)
            content, level, known = _gold(task, row)
        except RowRefused as error:
            rejects.append(Reject(id=where, reason=error.problem, detail=error.detail))
            continue
        number = numbers.setdefault((row.question, content), len(numbers))
        if number == len(questions):
            name = question_id(task, level, "sft", number)
            questions.append(
                Question(
                    id=name,
                    task=task,
                    level=level,
                    split="sft",
                    text=row.question,
                    gold=content,
                    answer=known,
                    complete=True,
                )
            )
        buffers[number // size].append(json.dumps({"number": number, **asdict(row)}))
        if seen % _BUFFERED_ROWS == 0:
            _flush(spill, buffers)
    _flush(spill, buffers)
    return questions


def _gold(task: str, row: Row) -> tuple[str, str, str | None]:
    try:
        return gold(task, row.question, row.answer)
    except ValueError as error:
        raise RowRefused(RejectReason.BAD_GOLD, f"{error}: {row.question[:120]}") from error


def _flush(spill: Path, buffers: defaultdict[int, list[str]]) -> None:
    for shard, lines in buffers.items():
        with (spill / f"{shard:05d}.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    buffers.clear()


def _write_questions(stage: Artifact, questions: list[Question], size: int, rejects: list[Reject]) -> None:
    write_table(stage.path / "sft.parquet", to_table(Question, questions), row_group_size=size)
    for split in ("rl", "eval"):
        write_table(stage.path / f"{split}.parquet", to_table(Question, []))
    stage.commit({"sft": len(questions), "rl": 0, "eval": 0}, None, rejects)


def _write_shards(
    attempts_stage: Artifact,
    reflections_stage: Artifact,
    questions: list[Question],
    spill: Path,
    count: CountText,
    size: int,
    options: Options,
) -> tuple[Agreement, dict[str, dict[str, int]]]:
    agreement = Agreement()
    totals = {"attempts": Counter[str](), "reflections": Counter[str]()}
    for shard in range((len(questions) + size - 1) // size):
        attempts: list[Attempt] = []
        reflections: list[Reflection] = []
        dropped: list[Reject] = []
        rejects: list[Reject] = []
        for question, sample, row in _shard_rows(spill, shard, questions):
            attempt = _attempt(question, sample, row, count)
            if row.hinted and HINT_WORD.search(row.text):
                dropped.append(Reject(id=attempt.id, reason=RejectReason.MENTIONS_HINT, detail=row.text[:500]))
                continue
            agreement.note(row.correct, attempt)
            attempts.append(attempt)
            for k, text in enumerate(row.reflections):
                reflection, reject = _reflection(attempt, k, text, count, options)
                reflections.append(reflection)
                rejects += [reject] if reject else []
        attempts_stage.write_shard(shard, to_table(Attempt, attempts), dropped)
        reflections_stage.write_shard(shard, to_table(Reflection, reflections), rejects)
        totals["attempts"].update(
            rows=len(attempts),
            tokens=sum(a.tokens for a in attempts),
            correct=sum(a.correct for a in attempts),
            hinted=sum(a.hinted for a in attempts),
            mentions_hint=len(dropped),
        )
        totals["reflections"].update(
            rows=len(reflections),
            tokens=sum(r.tokens for r in reflections),
            valid=sum(r.valid for r in reflections),
            idea_or_fast=sum(dropped_by_script(r.text) for r in reflections),
        )
    return agreement, {name: dict(counts) for name, counts in totals.items()}


def _shard_rows(spill: Path, shard: int, questions: list[Question]) -> Iterator[tuple[Question, int, Row]]:
    """The rows of a shard by question, each with its number within its variant."""
    with (spill / f"{shard:05d}.jsonl").open(encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    samples: Counter[tuple[int, str]] = Counter()
    for entry in sorted(entries, key=lambda e: e["number"]):
        number = entry.pop("number")
        row = Row(**entry)
        yield questions[number], samples[number, row.variant], row
        samples[number, row.variant] += 1


def _attempt(question: Question, sample: int, row: Row, count: CountText) -> Attempt:
    return judged(
        question,
        id=f"{question.id}/{row.variant}/{sample}",
        variant=row.variant,
        sample=sample,
        hinted=row.hinted,
        text=row.text,
        tokens=count(row.text),
        # The data does not say how generation ended; a cut attempt has no answer and so no part in a trace.
        finish="stop",
    )


def _reflection(
    attempt: Attempt, sample: int, text: str, count: CountText, options: Options
) -> tuple[Reflection, Reject | None]:
    verdict = parse_verdict(text)
    dropped = options.drop_idea_or_fast and dropped_by_script(text)
    readable = isinstance(verdict, Verdict)
    reflection = Reflection(
        id=f"{attempt.id}/r{sample}",
        attempt_id=attempt.id,
        question_id=attempt.question_id,
        sample=sample,
        text=text,
        tokens=count(text),
        finish="stop",
        verdict=verdict.value if readable else None,
        valid=not dropped and readable and (verdict is Verdict.CORRECT) == attempt.correct,
    )
    if dropped:
        return reflection, Reject(id=reflection.id, reason=RejectReason.IDEA_OR_FAST, detail=text[-200:])
    reject = (
        Reject(id=reflection.id, reason=RejectReason(verdict), detail=text[-200:])
        if isinstance(verdict, VerdictError)
        else None
    )
    return reflection, reject
