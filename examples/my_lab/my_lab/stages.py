"""Keeps the shortest right attempts, so that traces are made of answers to the point."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from sfray.artifacts import Attempts
from sfray.config.marks import AT_LEAST_ONE
from sfray.records import Attempt, Reject
from sfray.stages.stage import Stage
from sfray.store.artifact import Artifact


@dataclass(frozen=True)
class Settings:
    """What a step sets. A field named as a group of the config, such as ``run``, would be that group."""

    correct: Annotated[int, AT_LEAST_ONE] = 4


@dataclass(frozen=True)
class Inputs:
    """What a step reads."""

    attempts: Attempts


class KeepShortest(Stage[Settings, Inputs]):
    """Keeps the shortest ``correct`` right attempts at each question, and all wrong ones."""

    settings = Settings
    inputs = Inputs
    output = Attempts

    def run(self, settings: Settings, inputs: Inputs, output: Artifact) -> None:
        """Writes the shards that are missing; shard by shard, as the attempts are."""
        import pyarrow.parquet as pq  # here, so that a method is checked without it

        from sfray.io.arrow import from_table, to_table
        from sfray.sampling.totals import totals

        for shard in output.missing(len(inputs.attempts.files)):
            tried = from_table(Attempt, pq.read_table(inputs.attempts.shard(shard)))
            dropped = set(too_long(tried, settings.correct))
            kept = [attempt for attempt in tried if attempt.id not in dropped]
            rejects = [Reject(id=i, reason="not_shortest") for i in sorted(dropped)]
            output.write_shard(shard, to_table(Attempt, kept), rejects)
        output.commit(totals(output, ("correct",)))


def too_long(attempts: Sequence[Attempt], most: int) -> Iterator[str]:
    """Yields the ids of the right attempts at each question after the ``most`` shortest."""
    right: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.correct:
            right[attempt.question_id].append(attempt)
    for of_question in right.values():
        of_question.sort(key=lambda a: (a.tokens, a.id))
        yield from (attempt.id for attempt in of_question[most:])
