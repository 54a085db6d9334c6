"""The skill scorecard: what a model does with its attempts and checks, and what they are worth.

    tally = Tally()
    tally.add(completion, read(completion.text, …), gold)      # each response to one question
    card([tally, …])["incorrect_to_correct"]                   # {"mean": 0.2, "low": 0.1, "high": 0.4}

Every figure is explained, with its formula and source, in ``docs/evaluation.md``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfray.evaluation.intervals import Estimate, mean_rate, quotient, ratio
from sfray.evaluation.skills import RIGHT, Counts, Judged, Skills, no_verdicts, verdict_scores
from sfray.records import Completion
from sfray.tasks.outcome import Outcome, Reason
from sfray.tasks.registry import family
from sfray.tasks.task import Gold

DEEPEST = 10
"""Attempts beyond the tenth of a response have no figures of their own."""

_REACHED, _CORRECT, _ASKED, _WHOLE = range(4)


def _no_depths() -> NDArray[np.int64]:
    return np.zeros((4, DEEPEST), np.int64)


@dataclass
class Tally:
    """What one model did on one question.

    Attributes:
        trials: Responses.
        correct: Those whose final answer is right.
        lenient: Those that were right if answers outside the tags counted.
        truncated: Those that reached the limit of tokens.
        tokens: Their length in all.
        answers: Attempts.
        reflections: Checks.
        reflected: Responses with at least one check.
        valid: Responses that keep the grammar.
        first: Responses whose first attempt is right.
        gained: Responses that turn a wrong first attempt into a right final answer.
        lost: Responses that turn a right first attempt into a wrong final answer.
        stopped: Responses that ended by themselves.
        stopped_answers: Attempts of those.
        verified: Responses in which a right attempt was called correct.
        rechecks: Checks that came after that.
        verdicts: Verdicts by truth, shape (2, 3).
        depths: By number of the attempt: how many responses made it, and of those attempts how
            many are right, were asked whether they use everything, and do; shape (4, DEEPEST).
        segments: Declared skill -> its segments.
        using: Declared skill -> responses that show it.
    """

    trials: int = 0
    correct: int = 0
    lenient: int = 0
    truncated: int = 0
    tokens: int = 0
    answers: int = 0
    reflections: int = 0
    reflected: int = 0
    valid: int = 0
    first: int = 0
    gained: int = 0
    lost: int = 0
    stopped: int = 0
    stopped_answers: int = 0
    verified: int = 0
    rechecks: int = 0
    verdicts: Counts = field(default_factory=no_verdicts)
    depths: NDArray[np.int64] = field(default_factory=_no_depths)
    segments: Counter[str] = field(default_factory=Counter)
    using: Counter[str] = field(default_factory=Counter)

    def add(self, row: Completion, skills: Skills, gold: str) -> None:
        """Counts one response.

        Args:
            row: The response.
            skills: What :func:`sfray.evaluation.skills.read` reads in it.
            gold: ``Question.gold``.
        """
        tries = skills.tries or _only_attempt(row)
        first = bool(tries) and tries[0].outcome.correct
        truncated = row.finish == "length"
        self.trials += 1
        self.correct += row.correct
        self.truncated += truncated
        self.tokens += row.tokens
        self.answers += skills.answers
        self.reflections += skills.reflections
        self.reflected += skills.reflections > 0
        self.valid += skills.valid
        self.first += first
        self.gained += row.correct and not first
        self.lost += first and not row.correct
        self.stopped += not truncated
        self.stopped_answers += 0 if truncated else skills.answers
        self.verdicts += skills.verdicts
        self.segments.update(skills.segments)
        self.using.update(skill for skill, segments in skills.segments.items() if segments)
        rechecks = _rechecks(skills.tries)
        self.verified += rechecks is not None
        self.rechecks += rechecks or 0
        self._add_depths(tries, row.task, json.loads(gold))

    def _add_depths(self, tries: Sequence[Judged], task: str, gold: Gold) -> None:
        for i, tried in enumerate(tries[:DEEPEST]):
            answer = tried.outcome.answer
            whole = family(task).uses_all(gold, answer or "")
            self.depths[:, i] += (1, tried.outcome.correct, whole is not None, bool(whole))

    def __add__(self, other: Tally) -> Tally:
        """Both together: the same question under several seeds."""
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def _only_attempt(row: Completion) -> tuple[Judged, ...]:
    """A response without blocks that gives a final answer is an attempt itself."""
    return () if row.answer is None else (Judged(Outcome(row.correct, Reason(row.reason), row.answer)),)


def _rechecks(tries: Sequence[Judged]) -> int | None:
    """Checks after the first one that called a right attempt correct; None if none ever did."""
    checks = [tried.outcome.correct and verdict == RIGHT for tried in tries for verdict in tried.verdicts]
    return len(checks) - checks.index(True) - 1 if True in checks else None


def card(tallies: Iterable[Tally], confidence: float = 0.95) -> dict[str, Any]:
    """The scorecard of some questions; figures that are not defined are None.

    Args:
        tallies: One for each question.
        confidence: Of the intervals, over questions.
    """
    tallies = list(tallies)

    def of(name: str) -> NDArray[np.float64]:
        """One count of every question."""
        return np.array([getattr(t, name) for t in tallies], float)

    def rate(name: str) -> dict[str, float] | None:
        """The share of responses."""
        return _plain(mean_rate(of(name), of("trials"), confidence))

    def per(name: str, units: str) -> dict[str, float] | None:
        """So many of one for each of the other."""
        return _plain(quotient(of(name), of(units), confidence))

    depths = np.array([t.depths for t in tallies]).reshape(-1, 4, DEEPEST)
    return {
        "responses": int(of("trials").sum()),
        "attempts": per("answers", "trials"),
        "attempts_until_stop": per("stopped_answers", "stopped"),
        "reflections": per("reflections", "trials"),
        "reflecting": rate("reflected"),
        "verdicts": verdict_scores(np.array([t.verdicts for t in tallies]).reshape(-1, 2, 3), confidence),
        "first_attempt": rate("first"),
        "final_answer": rate("correct"),
        "gain": _plain(_gain(tallies, confidence)),
        "incorrect_to_correct": rate("gained"),
        "correct_to_incorrect": rate("lost"),
        "checks_after_verified": per("rechecks", "verified"),
        "uses_all": _share(depths[:, _WHOLE].sum(axis=1), depths[:, _ASKED].sum(axis=1), confidence),
        "by_attempt": list(_by_attempt(depths, confidence)),
        "tokens_per_response": per("tokens", "trials"),
        "tokens_per_solved": per("tokens", "correct"),
        "valid_grammar": rate("valid"),
        "truncated": rate("truncated"),
    }


def _gain(tallies: Sequence[Tally], confidence: float) -> Estimate | None:
    """The mean over questions, as for both rates that it is the difference of."""
    gains = [(t.correct - t.first) / t.trials for t in tallies if t.trials]
    return quotient(gains, np.ones(len(gains)), confidence)


def _by_attempt(depths: NDArray[np.int64], confidence: float) -> Iterator[dict[str, Any]]:
    for i in range(DEEPEST):
        reached, correct, asked, whole = depths[:, :, i].T
        if reached.any():
            yield {
                "attempt": i + 1,
                "responses": int(reached.sum()),
                "accuracy": _share(correct, reached, confidence),
                "uses_all": _share(whole, asked, confidence),
            }


def _share(part: NDArray[Any], whole: NDArray[Any], confidence: float) -> dict[str, float] | None:
    return _plain(ratio(part, whole, confidence))


def _plain(estimate: Estimate | None) -> dict[str, float] | None:
    return estimate.to_json() if estimate else None
