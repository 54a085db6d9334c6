"""What the traces stage would make of a question, before any text is rendered.

The plans are the very ones of the traces stage (:mod:`sfray.traces.planning`), so the
number of traces and their lengths are exact up to the limit on tokens, which needs the
rendered text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sfray.config.settings import QualitySettings
from sfray.evaluation.results import quantiles
from sfray.records import Attempt, Reflection
from sfray.traces.plan import Plan
from sfray.traces.planning import plan_question
from sfray.traces.pool import Candidate

_CHARS_PER_STEP, _CHARS_PER_TRACE = 75, 150
"""Text around the parts: tags and glue of each pair; instruction, ending and answer of a trace."""
_CHARS_PER_TOKEN = 4.5
"""Of plain English, which that text is."""


@dataclass
class Yield:
    """What a set of questions yields.

    Attributes:
        correct: ``|Y+|`` of each question: usable (correct attempt, valid reflection) pairs.
        incorrect: ``|Y-|`` of each question.
        longest: Attempts in the longest trace of each question; 0 without a trace.
        lengths: Attempts in a trace -> traces.
        tokens: Estimate of all traces' tokens.
        over_long: Traces whose estimate is over ``trace.max_tokens``.
    """

    correct: list[int] = field(default_factory=list)
    incorrect: list[int] = field(default_factory=list)
    longest: list[int] = field(default_factory=list)
    lengths: Counter[int] = field(default_factory=Counter)
    tokens: int = 0
    over_long: int = 0

    def add(
        self,
        question_id: str,
        text: str,
        attempts: Sequence[Attempt],
        reflections: Sequence[Reflection],
        config: QualitySettings,
    ) -> None:
        """Counts one question."""
        planned = plan_question(question_id, attempts, reflections, config.trace, config.run.seed)
        pools, plans = planned.gathered.pools, planned.plans
        self.correct.append(_pairs(pools.correct))
        self.incorrect.append(_pairs(pools.incorrect))
        self.longest.append(max((len(p.steps) for p in plans), default=0))
        for plan in plans:
            tokens = _tokens(plan, len(text))
            self.lengths[len(plan.steps)] += 1
            self.tokens += tokens
            self.over_long += tokens > config.trace.max_tokens

    def merged(self, other: Yield) -> Yield:
        """This and another set of questions."""
        return Yield(
            self.correct + other.correct,
            self.incorrect + other.incorrect,
            self.longest + other.longest,
            self.lengths + other.lengths,
            self.tokens + other.tokens,
            self.over_long + other.over_long,
        )

    @property
    def traces(self) -> int:
        """How many traces."""
        return sum(self.lengths.values())

    @property
    def traceable(self) -> int:
        """Questions with at least one trace."""
        return sum(n > 0 for n in self.longest)

    def to_json(self) -> dict[str, Any]:
        """As in ``quality.json``; histograms map a value to how often it occurs."""
        return {
            "questions": len(self.longest),
            "traceable_questions": self.traceable,
            "pool_correct": (quantiles(self.correct) or {}) | {"histogram": _histogram(self.correct)},
            "pool_incorrect": (quantiles(self.incorrect) or {}) | {"histogram": _histogram(self.incorrect)},
            "questions_by_longest_trace": _histogram(self.longest),
            "traces": self.traces,
            "traces_by_attempts": {str(k): self.lengths[k] for k in sorted(self.lengths)},
            "estimated_tokens": self.tokens,
            "estimated_over_long": self.over_long,
        }


def _pairs(pool: Sequence[Candidate]) -> int:
    return sum(len(candidate.reflections) for candidate in pool)


def _histogram(values: Sequence[int]) -> dict[str, int]:
    counts = Counter(values)
    return {str(k): counts[k] for k in sorted(counts)}


def _tokens(plan: Plan, question_chars: int) -> int:
    """Tokens of a trace: its parts' own, which are known, and those of the words around them."""
    parts = [row for step in plan.steps for row in (step.attempt, step.reflection) if row is not None]
    around = question_chars + _CHARS_PER_TRACE + _CHARS_PER_STEP * len(plan.steps)
    return sum(row.tokens for row in parts) + round(around / _CHARS_PER_TOKEN)
