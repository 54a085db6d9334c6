"""The findings of a study: what ``comparison.json`` holds, explained in ``docs/evaluation.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfray.evaluation import budget
from sfray.evaluation.comparison import Discordant, Resampling, holm, interval, mcnemar, mean
from sfray.evaluation.intervals import Estimate, mean_rate
from sfray.evaluation.passk import Ballot, Score
from sfray.evaluation.scorecard import Tally, card
from sfray.evaluation.skills import read
from sfray.evaluation.study import Study
from sfray.records import Completion

SCHEMA = 1
OVERALL = "overall"
"""The group that is the mean of all others."""

Floats = NDArray[np.float64]
BySeed = list[Floats]
"""A figure of each question, for each seed: shape (…, questions)."""


@dataclass(frozen=True)
class _Answers:
    """One contender's answers to one group.

    Attributes:
        rates: Share of right answers to each question, by seed.
        solved: The same at each budget, shape (budgets, questions), by seed.
        tallies: For the scorecard; questions that every seed was asked are counted together.
        ballots: The answers to each question, by seed.
    """

    rates: BySeed
    solved: BySeed
    tallies: list[Tally]
    ballots: list[list[Ballot]]

    @property
    def longest(self) -> int:
        """Tokens of the longest response."""
        return max(int(b.tokens.max()) for by_seed in self.ballots for b in by_seed)


@dataclass(frozen=True)
class _Drawn:
    """What was computed for a contender and a group, and its draws, from which differences are made."""

    answers: _Answers
    draws: Floats
    curve: Floats


def findings(
    study: Study, count: budget.Count | None = None, tokens: int | None = None, confidence: float = 0.95
) -> dict[str, Any]:
    """Compares the contenders of a study.

    Args:
        study: The responses, paired.
        count: The models' tokenizer, for the budget curve.
        tokens: What each contender may spend on a question when votes are compared at equal
            tokens; without it the longest response of the group, so that each has an answer.
        confidence: Of every interval.
    """
    limits = budget.budgets(_longest(study))
    resampling = Resampling(len(study.seeds))
    drawn: dict[str, dict[str, _Drawn]] = {}
    figures: dict[str, dict[str, Any]] = {"scorecard": {}, "votes": {}}
    for group in study.ids:
        weights = resampling.weights(list(map(len, study.ids[group])), study.crossed, group)
        answers = {n: _read(study, n, group, limits, count) for n in study.contenders}
        equal = tokens or max(a.longest for a in answers.values())
        for name, mine in answers.items():
            draws = weights @ np.concatenate(mine.rates)
            curve = np.concatenate(mine.solved, axis=1) @ weights.T
            drawn.setdefault(name, {})[group] = _Drawn(mine, draws, curve)
            figures["scorecard"].setdefault(name, {})[group] = card(mine.tallies, confidence)
            votes = _Votes(mine.ballots, weights, study.crossed, confidence)
            figures["votes"].setdefault(name, {})[group] = votes.figures(equal)
    return {
        "schema": SCHEMA,
        "confidence": confidence,
        "seeds": list(study.seeds),
        "same_questions_in_every_seed": study.crossed,
        "questions": {group: list(map(len, by_seed)) for group, by_seed in study.ids.items()},
        "questions_left_out": study.left_out,
        "contenders": {name: {str(s): run for s, run in by.items()} for name, by in study.sources.items()},
        "accuracy": {name: dict(_accuracies(by_group, study, confidence)) for name, by_group in drawn.items()},
        "differences": _differences(drawn, study, confidence),
        **figures,
        "budget": {
            "tokens": limits,
            "curves": {name: _curves(by_group, confidence) for name, by_group in drawn.items()},
        },
    }


def _longest(study: Study) -> int:
    return max(
        row.tokens
        for name in study.contenders
        for seed in study.seeds
        for group in study.ids
        for rows in study.answers(name, seed, group).values()
        for row in rows
    )


def _read(study: Study, name: str, group: str, limits: Sequence[int], count: budget.Count | None) -> _Answers:
    tallies: dict[tuple[int, str], Tally] = {}
    rates: BySeed = []
    solved: BySeed = []
    ballots: list[list[Ballot]] = []
    for seed in study.seeds:
        there = study.answers(name, seed, group)
        ballots.append([])
        for question, rows in there.items():
            gold = study.questions[seed][question].gold
            skills = [read(row.text, row.task, gold, row.answer) for row in rows]
            tally = tallies.setdefault((0 if study.crossed else seed, question), Tally())
            for row, shown in zip(rows, skills, strict=True):
                tally.add(row, shown, gold)
            ballots[-1].append(Ballot.of(rows, skills))
        rates.append(np.array([np.mean([r.correct for r in rows]) for rows in there.values()]))
        solved.append(np.array([_solved(rows, limits, count) for rows in there.values()]).T)
    return _Answers(rates, solved, list(tallies.values()), ballots)


def _solved(rows: Sequence[Completion], limits: Sequence[int], count: budget.Count | None) -> Floats:
    """Share of right answers to one question at each budget."""
    return budget.solved([budget.answered_at(row, count) for row in rows], limits) / len(rows)


def _units(by_seed: Sequence[Floats], crossed: bool) -> Floats:
    """A figure of each independent question: over seeds that asked the same ones, their mean."""
    return np.mean(by_seed, axis=0) if crossed else np.concatenate(by_seed)


def _rate(by_seed: Sequence[Floats], draws: Floats, crossed: bool, confidence: float) -> dict[str, float]:
    """A rate with the wider of two intervals on each side: of the draws, and over questions alone.

    The second keeps its width where every draw is alike, as at 0 %.
    """
    low, high = map(float, interval(draws, confidence))
    units = _units(by_seed, crossed)
    if alone := mean_rate(units, np.ones(len(units)), confidence):
        low, high = min(low, alone.low), max(high, alone.high)
    return Estimate(mean(by_seed), low, high).to_json()


def _accuracies(drawn: Mapping[str, _Drawn], study: Study, confidence: float) -> Iterator[tuple[str, dict[str, Any]]]:
    found = {g: _rate(d.answers.rates, d.draws, study.crossed, confidence) for g, d in drawn.items()}
    for group, estimate in found.items():
        yield group, estimate | {"by_seed": _seed_means([drawn[group].answers.rates])}
    if len(found) > 1:
        low, high = interval(np.mean([d.draws for d in drawn.values()], axis=0), confidence)
        value = float(np.mean([e["mean"] for e in found.values()]))
        levels = [d.answers.rates for d in drawn.values()]
        yield OVERALL, Estimate(value, float(low), float(high)).to_json() | {"by_seed": _seed_means(levels)}


def _seed_means(levels: Sequence[Sequence[Floats]]) -> list[float]:
    """For each seed the mean over levels."""
    return [round(float(np.mean([rates.mean() for rates in seed])), 6) for seed in zip(*levels, strict=True)]


def _differences(drawn: Mapping[str, Mapping[str, _Drawn]], study: Study, confidence: float) -> list[dict[str, Any]]:
    """Every later contender against every earlier one, in every group and over all."""
    found = []
    for theirs, ours in combinations(drawn, 2):
        names = list(study.ids)
        for group, chosen in [*((n, [n]) for n in names), *([(OVERALL, names)] if len(names) > 1 else [])]:
            mine, other = ([drawn[n][g] for g in chosen] for n in (ours, theirs))
            found.append({"ours": ours, "minus": theirs, "group": group} | _difference(mine, other, study, confidence))
    for entry, p in zip(found, holm([e["p"] for e in found]), strict=True):
        entry["p_holm"] = round(p, 6)
    return found


def _difference(ours: Sequence[_Drawn], theirs: Sequence[_Drawn], study: Study, confidence: float) -> dict[str, Any]:
    gaps = [
        [a - b for a, b in zip(mine.answers.rates, other.answers.rates, strict=True)]
        for mine, other in zip(ours, theirs, strict=True)
    ]
    draws = np.mean([mine.draws - other.draws for mine, other in zip(ours, theirs, strict=True)], axis=0)
    low, high = interval(draws, confidence)
    fair = [_units(_fair_gaps(mine, other), study.crossed) for mine, other in zip(ours, theirs, strict=True)]
    units = np.concatenate(fair)
    test: Discordant = mcnemar(units, np.zeros(len(units)))
    by_seed = _seed_means(gaps)
    value = float(np.mean([mean(level) for level in gaps]))
    return Estimate(value, float(low), float(high)).to_json() | {
        "by_seed": by_seed,
        "same_sign_in_every_seed": all(g > 0 for g in by_seed) or all(g < 0 for g in by_seed),
        "better": test.better,
        "worse": test.worse,
        "p": test.p,
    }


def _fair_gaps(ours: _Drawn, theirs: _Drawn) -> BySeed:
    """Our share of right answers to each question minus theirs, over as many answers of each.

    Of whoever gave more the first ones count: who answers sixteen times is right once where two answers
    are both wrong, and a test that counts questions would take that for being better.
    """
    return [
        np.array([_first(a, b) - _first(b, a) for a, b in zip(mine, other, strict=True)])
        for mine, other in zip(ours.answers.ballots, theirs.answers.ballots, strict=True)
    ]


def _first(ballot: Ballot, other: Ballot) -> float:
    """Share of right ones among a ballot's first answers, as many as the other has at least."""
    return float(ballot.right[: len(other.right)].mean())


def _curves(drawn: Mapping[str, _Drawn], confidence: float) -> dict[str, dict[str, list[float]]]:
    """For each group, and over all, accuracy at each budget."""
    means = {g: np.mean([s.mean(axis=1) for s in d.answers.solved], axis=0) for g, d in drawn.items()}
    draws = {g: d.curve for g, d in drawn.items()}
    if len(drawn) > 1:
        means[OVERALL], draws[OVERALL] = (np.mean(list(by.values()), axis=0) for by in (means, draws))
    found = {}
    for group, values in means.items():
        low, high = interval(draws[group], confidence)
        sides = {"mean": values, "low": low, "high": high}
        found[group] = {side: [round(float(x), 6) for x in line] for side, line in sides.items()}
    return found


@dataclass(frozen=True)
class _Votes:
    """What several answers are worth, of one contender and one group."""

    ballots: list[list[Ballot]]
    weights: Floats
    crossed: bool
    confidence: float

    def figures(self, tokens: int) -> dict[str, Any]:
        """At 1, 2, 4, … answers as far as every question has them, and at a budget of tokens."""
        most = min(len(b.right) for by_seed in self.ballots for b in by_seed)
        sizes = sorted({2**i for i in range(most.bit_length())} | {most})
        scores = {k: [[b.at(k) for b in by_seed] for by_seed in self.ballots] for k in sizes}
        within = [[b.within(tokens) for b in by_seed] for by_seed in self.ballots]
        filled = [b.fills(tokens) for by_seed in self.ballots for b in by_seed]
        return {
            "at": [{"k": k} | self._estimates(by_seed) for k, by_seed in scores.items()],
            "equal_tokens": {
                "budget": tokens,
                "answers": round(float(np.mean([s.answers for by in within for s in by])), 2),
                "budget_used_up": round(float(np.mean(filled)), 4),
            }
            | self._estimates(within),
        }

    def _estimates(self, scores: Sequence[Sequence[Score]]) -> dict[str, Any]:
        found = {}
        for name, key in (("pass", "one"), ("majority", "majority"), ("verified_majority", "verified")):
            values = [np.clip([getattr(s, key) for s in by_seed], 0.0, 1.0) for by_seed in scores]
            draws = self.weights @ np.concatenate(values)
            found[name] = _rate(values, draws, self.crossed, self.confidence)
        return found
