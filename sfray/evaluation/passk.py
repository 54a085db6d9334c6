"""What several answers to one question are worth: pass@k, maj@k and verified-maj@k.

    ballot = Ballot.of(rows, skills)        # the completions of one question, and what each shows
    pass_at(len(ballot.right), ballot.right.sum(), k=2)     # the chance that one of 2 is right
    ballot.at(k=4).majority                                 # the chance that the commonest of 4 is
    ballot.within(budget=1_280).verified                    # … of as many as fit into 1,280 tokens

Each figure is the mean over all draws of answers without replacement. Sources: Chen et
al. 2021 (pass@k), Wang et al. 2023 (majority vote), Li et al. 2023 (votes with weights).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from sfray.evaluation.skills import RIGHT, UNREADABLE, Skills
from sfray.records import Completion
from sfray.seeds import derive
from sfray.tasks.registry import family

EXACT = 4_096
"""Most draws of one question that are all looked at."""

SAMPLED = 512
"""Random draws where there are more: the mean over 100 questions is then off by 0.2 points at most (one sigma)."""

Draws = tuple[NDArray[np.bool_], NDArray[np.float64]]
"""Sets of answers, shape (draws, n), and the probability of each, shape (draws,)."""


def pass_at(n: int, right: int, k: int) -> float:
    """The chance that at least one of ``k`` answers is right: ``1 - C(n - c, k) / C(n, k)``.

    Args:
        n: Answers that were sampled.
        right: How many of them are right.
        k: Answers drawn, without replacement.

    Raises:
        ValueError: Not ``0 <= right <= n`` and ``1 <= k <= n``.
    """
    if not (0 <= right <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {n} answers, {right} right: 1 <= k <= n and 0 <= right <= n are needed")
    if n - right < k:
        return 1.0
    wrong = gammaln(n - right + 1) - gammaln(n - right - k + 1) + gammaln(n - k + 1) - gammaln(n + 1)
    return float(-np.expm1(wrong))


@dataclass(frozen=True)
class Score:
    """What draws from one question's answers come to, each a probability to be right.

    Attributes:
        one: At least one is right.
        majority: The commonest answer is right, ties broken by lot.
        verified: The same, with the weights of the model's own verdicts.
        answers: How many answers a draw holds on average.
    """

    one: float
    majority: float
    verified: float
    answers: float


@dataclass(frozen=True)
class Ballot:
    """The answers of one model to one question.

    Attributes:
        name: Stable name of the question, from which random draws are seeded.
        right: Whether each response is right, shape (n,).
        tokens: Length of each, shape (n,).
        choices: Which answer each gives, numbered from 0, -1 for none, shape (n,).
        weights: Twice the weight of each by the model's own verdicts, shape (n,).
    """

    name: str
    right: NDArray[np.bool_]
    tokens: NDArray[np.int64]
    choices: NDArray[np.int64]
    weights: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Completion], skills: Sequence[Skills]) -> Ballot:
        """Takes the responses to one question.

        Args:
            rows: The responses; at least one.
            skills: What :func:`sfray.evaluation.skills.read` reads in each.
        """
        spelt = [None if r.answer is None else family(r.task).canonical(r.answer) for r in rows]
        numbers = {answer: i for i, answer in enumerate(dict.fromkeys(a for a in spelt if a is not None))}
        return cls(
            rows[0].question_id,
            np.array([r.correct for r in rows], bool),
            np.array([r.tokens for r in rows], np.int64),
            np.array([-1 if a is None else numbers[a] for a in spelt], np.int64),
            np.array([own_verdict(r, s) for r, s in zip(rows, skills, strict=True)], np.int64),
        )

    def at(self, k: int) -> Score:
        """Draws of ``k`` answers."""
        draws = _of_size(len(self.right), k, self.name)
        return self._score(draws, pass_at(len(self.right), int(self.right.sum()), k))

    def within(self, budget: int) -> Score:
        """Draws one answer after the other while they fit into a budget of tokens.

        An answer that goes over the budget is not in the draw, nor is any after it. Where all
        answers together do not use the budget up, the figure is that of all of them and so
        too low: see :meth:`fills`.
        """
        sets, probability = _within(self.tokens, budget, self.name)
        return self._score((sets, probability), float((sets & self.right).any(axis=1) @ probability))

    def fills(self, budget: int) -> bool:
        """Whether there are answers enough to use a budget up."""
        return int(self.tokens.sum()) >= budget

    def _score(self, draws: Draws, one: float) -> Score:
        sets, probability = draws
        votes = np.ones(len(self.right), np.int64)
        return Score(
            one,
            float(self._elected(sets, votes) @ probability),
            float(self._elected(sets, self.weights) @ probability),
            float(sets.sum(axis=1) @ probability),
        )

    def _elected(self, sets: NDArray[np.bool_], weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """Chance that the answer with most weight is right, in each set; shape (draws,)."""
        # Small whole numbers in floats, (n, answers): as exact as integers, and far faster to multiply.
        named = (self.choices[:, None] == np.arange(self.choices.max(initial=-1) + 1)).astype(float)
        if not named.size:
            return np.zeros(len(sets))
        right = (named * self.right[:, None]).sum(axis=0) / named.sum(axis=0)
        drawn = sets.astype(float)
        there = drawn @ named > 0
        support = np.where(there, drawn @ (named * weights[:, None]), -1)
        best = there & (support == support.max(axis=1, keepdims=True))
        ties = best.sum(axis=1)
        return np.divide(best @ right, ties, out=np.zeros(len(sets)), where=ties > 0)


def own_verdict(row: Completion, skills: Skills) -> int:
    """Twice the weight that a model's own checks give its final answer.

    Returns:
        2 if the last readable verdict on an attempt with that answer says correct, 0 if it says
        incorrect, 1 if there is none.
    """
    spell = family(row.task).canonical
    mine = None if row.answer is None else spell(row.answer)
    about = [t for t in skills.tries if t.outcome.answer is not None and spell(t.outcome.answer) == mine]
    verdicts = [verdict for tried in about for verdict in tried.verdicts if verdict != UNREADABLE]
    return 1 if not verdicts else 2 * (verdicts[-1] == RIGHT)


def _of_size(n: int, k: int, name: str) -> Draws:
    """The sets of ``k`` of ``n``: all of them, or some at random."""
    if comb(n, k) <= EXACT:
        sets = np.zeros((comb(n, k), n), bool)
        for row, chosen in zip(sets, combinations(range(n), k), strict=True):
            row[list(chosen)] = True
    else:
        sets = np.argsort(np.argsort(_shuffled(n, "at", k, name), axis=1), axis=1) < k
    return sets, np.full(len(sets), 1 / len(sets))


def _within(tokens: NDArray[np.int64], budget: int, name: str) -> Draws:
    """The longest beginnings of a random order that fit into a budget."""
    n = len(tokens)
    if 2**n <= EXACT:
        found = list(_beginnings(tokens, budget))
        return np.array([s for s, _ in found]).reshape(-1, n), np.array([p for _, p in found])
    order = np.argsort(_shuffled(n, "within", budget, name), axis=1)
    fits = np.cumsum(tokens[order], axis=1) <= budget
    sets = np.zeros_like(fits)
    np.put_along_axis(sets, order, fits, axis=1)
    return sets, np.full(len(sets), 1 / len(sets))


def _beginnings(tokens: NDArray[np.int64], budget: int) -> Iterator[tuple[NDArray[np.bool_], float]]:
    """Each set that a random order can stop with, and how probable that is.

    A set of s answers is the beginning of one order in C(n, s), and the end of the draw if the
    next answer, any of the n - s others alike, no longer fits.
    """
    n = len(tokens)
    for bits in range(2**n):
        chosen = (bits >> np.arange(n)) & 1 > 0
        spent, size = int(tokens[chosen].sum()), int(chosen.sum())
        if spent > budget:
            continue
        ends = float(np.mean(tokens[~chosen] + spent > budget)) if size < n else 1.0
        if ends:
            yield chosen, ends / comb(n, size)


def _shuffled(n: int, *path: object) -> NDArray[np.float64]:
    return np.random.default_rng(derive("passk", *path)).random((SAMPLED, n))
