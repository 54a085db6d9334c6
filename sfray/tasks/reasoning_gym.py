"""Any task of the package ``reasoning-gym`` as one of ours (optional dependency).

    task=reasoning_gym task.options.name=leg_counting

The package's own scorer judges, in a bounded worker (:mod:`sfray.tasks.worker`); only a
full score is right. Its Countdown is judged by our exact verifier instead. Refused are
tasks whose scorers execute the answer's text, and, unless they are trusted, tasks whose
scorers give full points to an answer that is plainly none.
"""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sfray.config import SplitConfig, TaskConfig
from sfray.records import Question, Reject
from sfray.rejects import RejectReason
from sfray.seeds import rng
from sfray.tasks.countdown import Countdown, Problem, question_text
from sfray.tasks.generated import Draft, owned
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.task import NO_LEVEL, Gold, Task, question_id
from sfray.tasks.worker import WorkerFailure, WorkerTimeout, call

MAX_CHARS = 20_000
_SCORE = "sfray.tasks.gym_score:score"
_ENTRIES = 1_000_000
"""Entries of a generator to choose from; each is made when asked for, from its number alone."""

MAX_FAILED = 20
"""Entries that may fail by their own answer beyond those that pass, before the task is given up."""

EXECUTING = frozenset(
    {
        "binary_matrix",
        "intermediate_integration",
        "n_queens",
        "number_sorting",
        "polynomial_multiplication",
        "puzzle24",
        "simple_integration",
        "spiral_matrix",
        "string_insertion",
    }
)
"""Tasks whose scorers pass text to ``eval`` or to sympy's ``parse_expr`` (reasoning-gym 0.1.25)."""


PROBES = ("nan", "I do not know", "not {answer}", "-{answer}", "{answer}, 7, 9")
"""Wrong answers that training would soon exploit if a scorer accepted them."""

PROBED = 8
"""Entries whose scorer is probed before any is used."""


@dataclass(frozen=True)
class ReasoningGymOptions:
    """Which task of the package.

    Attributes:
        name: Its name there.
        config: Fields of its own config.
        trust_scorer: Takes the task even if its scorer pays for an answer that is none.
    """

    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    trust_scorer: bool = False

    def validate(self) -> Iterator[str]:
        """Yields a line for each bad value, without importing the package."""
        if not isinstance(self.name, str) or not self.name:
            yield "name: the name of a reasoning-gym task is needed, for example leg_counting"
        elif self.name in EXECUTING:
            yield f"name: {self.name} is refused: its scorer executes the text of an answer"
        if not isinstance(self.trust_scorer, bool):
            yield f"trust_scorer: true or false is needed, got {self.trust_scorer!r}"
        if not isinstance(self.config, Mapping):
            yield f"config: a mapping is needed, got {self.config!r}"
        elif reserved := {"seed", "size"} & set(self.config):
            yield f"config.{min(reserved)}: set by the run's seed and the split's count"


class ReasoningGym(Task):
    """Entries of one generator of the package, split by the question's text."""

    name = "reasoning_gym"
    answer_type = "the answer"
    levels = (NO_LEVEL,)
    Options = ReasoningGymOptions

    def problems(self, config: TaskConfig) -> Iterator[str]:
        """Adds: the package is not installed."""
        yield from super().problems(config)
        if importlib.util.find_spec("reasoning_gym") is None:
            yield "task.name: reasoning_gym needs the package reasoning-gym: pip install 'sfray[reasoning-gym]'"

    def questions(self, split: str, config: SplitConfig, seed: int) -> Iterator[Question | Reject]:
        """Yields entries that the split owns, no two alike, and a reject for each whose own answer fails.

        Raises:
            ValueError: The package has no such task or refuses its config, its scorer pays
                for a probe, or most entries fail.
        """
        if config.count and self.options.name != Countdown.name and not self.options.trust_scorer:
            self._probe()
        number, failed = 0, 0
        drafts = owned(self._draw, rng(seed, self.name, self.options.name, split), self.options.name, split)
        while number < config.count:
            draft = next(drafts, None)
            if draft is None or failed > MAX_FAILED + number:
                raise ValueError(
                    f"task.{split}.count: reasoning-gym's {self.options.name} gave {number} questions for split "
                    f"{split!r} ({failed} failed by their own answer), {config.count} are wanted"
                )
            gold = json.loads(draft.gold)
            name = question_id(self.name, self.options.name, split, number)
            if self.options.name == Countdown.name:
                size = str(len(gold["numbers"]))
                yield Question(
                    id=name,
                    task=Countdown.name,
                    level=size,
                    split=split,
                    text=draft.text,
                    gold=draft.gold,
                    answer=draft.answer,
                )
            elif problem := self.gold_problem(gold):
                failed += 1
                yield Reject(id=f"{name}:{failed}", reason=RejectReason.BAD_GOLD, detail=problem[:200])
                continue
            else:
                yield Question(
                    id=name,
                    task=self.name,
                    level=self.options.name,
                    split=split,
                    text=draft.text,
                    gold=draft.gold,
                    answer=draft.answer,
                )
            number += 1

    def _probe(self) -> None:
        """Has the scorer judge wrong answers.

        Raises:
            ValueError: The scorer gives one of them full points.
        """
        source = rng(0, self.name, self.options.name, "probe")
        for draft in (self._draw(source, self.options.name) for _ in range(PROBED)):
            for probe in PROBES:
                text, gold = probe.format(answer=draft.answer), json.loads(draft.gold)
                if self.judge(gold, text).correct:
                    raise ValueError(
                        f"task.options.name: reasoning-gym's {self.options.name} gives full points to {text[:80]!r} "
                        f"where {str(draft.answer)[:80]!r} is right; GRPO would learn that. "
                        f"Choose another, or set task.options.trust_scorer=true"
                    )

    def _draw(self, source: random.Random, level: str) -> Draft:
        entry = generator(level, json.dumps(dict(self.options.config), sort_keys=True))[source.randrange(_ENTRIES)]
        if level == Countdown.name:
            return _countdown(entry)
        gold = {"dataset": level, "config": dict(self.options.config), "entry": entry}
        text = entry["question"].strip()
        return Draft(f"reasoning_gym:{level}:{text}", text, json.dumps(gold, default=str), str(entry["answer"]))

    @staticmethod
    def gold_problem(gold: Gold) -> str | None:
        """Needs ``dataset``, ``config`` and ``entry``, and the entry's own answer must score in full."""
        if not isinstance(gold.get("dataset"), str):
            return f"dataset: expected the name of a task, got {gold.get('dataset')!r}"
        if not isinstance(gold.get("config"), Mapping):
            return f"config: expected a mapping, got {gold.get('config')!r}"
        entry = gold.get("entry")
        if not isinstance(entry, Mapping) or not isinstance(entry.get("answer"), str):
            return f"entry: expected a question with an answer, got {entry!r}"
        outcome = ReasoningGym.judge(gold, entry["answer"])
        return None if outcome.correct else f"entry: its own answer is {outcome.reason.value}"

    @staticmethod
    def judge(gold: Gold, answer: str) -> Outcome:
        """Judges by the package's scorer; only the full score is right."""
        if len(answer) > MAX_CHARS:
            return Outcome.wrong(Reason.TOO_LONG, answer)
        # Its own scorer executes answers; its questions become Countdown's, but golds also come from elsewhere.
        if gold["dataset"] in EXECUTING or gold["dataset"] == Countdown.name:
            return Outcome.wrong(Reason.PARSE_ERROR, answer)
        try:
            points = call(_SCORE, {"gold": dict(gold), "answer": answer})
        except WorkerTimeout:
            return Outcome.wrong(Reason.TIMEOUT, answer)
        except WorkerFailure:
            return Outcome.wrong(Reason.PARSE_ERROR, answer)
        return Outcome.right(answer) if points == 1 else Outcome.wrong(Reason.WRONG_VALUE, answer)


def _countdown(entry: Mapping[str, Any]) -> Draft:
    numbers, target = entry["metadata"]["numbers"], entry["metadata"]["target"]
    problem = Problem(tuple(numbers), target, 0)
    gold = json.dumps({"numbers": list(numbers), "target": target})
    return Draft(problem.key, question_text(problem.numbers, target), gold, entry["metadata"]["expression"])


@cache
def generator(name: str, config: str) -> Any:
    """A generator of the package, by its config as JSON; it holds the scorer too.

    Raises:
        ValueError: The package is missing, has no such task, or refuses the config.
    """
    try:
        from reasoning_gym.factory import DATASETS, create_dataset
    except ImportError as error:
        raise ValueError(f"task.name: reasoning_gym needs the package reasoning-gym: {error}") from error
    if name not in DATASETS:
        raise ValueError(f"task.options.name: reasoning-gym has no task {name!r}")
    try:
        return create_dataset(name, **json.loads(config), seed=0, size=_ENTRIES)
    except (TypeError, ValueError, AssertionError) as error:
        raise ValueError(f"task.options.config: {name}: {error}") from error
