"""A study: models of several runs, each under the same seeds, paired by question.

study = Study.of([("skillfactory", outcomes(a)), ("skillfactory", outcomes(b)), ("rl_only", outcomes(c)), …])
study.contenders          # ["skillfactory", "rl_only"]
study.answers("rl_only", 0, "countdown-4")      # question id -> its responses, the same questions for all
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sfray.evaluation.groups import group, ordered
from sfray.evaluation.outcomes import NotComparable, Outcomes
from sfray.names import suggestion
from sfray.records import Completion, Question

Answers = Mapping[str, Sequence[Completion]]
"""Question id -> the responses of one model under one seed."""


@dataclass(frozen=True)
class Study:
    """Models to compare.

    Attributes:
        contenders: Their names, in order.
        seeds: Under which each of them was trained.
        crossed: Whether every seed was evaluated on the same questions.
        questions: Seed -> question id -> question.
        ids: Group -> for each seed the questions that every contender has answered.
        left_out: Questions that some contender has not answered, over all seeds.
        sources: Contender -> seed -> run and model, for people.
        rows: Contender -> seed -> its responses to every question.
    """

    contenders: tuple[str, ...]
    seeds: tuple[int, ...]
    crossed: bool
    questions: Mapping[int, Mapping[str, Question]]
    ids: Mapping[str, Sequence[Sequence[str]]]
    left_out: int
    sources: Mapping[str, Mapping[int, str]]
    rows: Mapping[str, Mapping[int, Answers]]

    @classmethod
    def of(
        cls, runs: Sequence[tuple[str | None, Outcomes]], models: Sequence[str] = (), groups: Sequence[str] = ()
    ) -> Study:
        """Brings runs together.

        Args:
            runs: Each with the name of its method; None to take it from the run's name, without
                the seed at its end (``rl_only_2``).
            models: Which models of each run; without any, the last of several methods, and
                all those of a single one.
            groups: Which tasks and levels; without any, all that every contender has answered.

        Raises:
            NotComparable: Nothing can be paired: see the message.
        """
        named = [(label or method_of(run), run) for label, run in runs]
        chosen = _chosen(named, models)
        seeds = _seeds(chosen)
        questions = {seed: _questions([chosen[name][seed][0] for name in chosen], seed) for seed in seeds}
        rows = {
            name: {seed: _by_question(run.rows[model]) for seed, (run, model) in by_seed.items()}
            for name, by_seed in chosen.items()
        }
        ids, left_out = _paired(rows, questions, groups)
        told = [_asked(questions[seed], ids, k) for k, seed in enumerate(seeds)]
        sources = {n: {s: f"{run.name}/{model}" for s, (run, model) in by.items()} for n, by in chosen.items()}
        crossed = all(t == told[0] for t in told)
        return cls(tuple(chosen), seeds, crossed, questions, ids, left_out, sources, rows)

    def answers(self, contender: str, seed: int, name: str) -> Answers:
        """The responses of a contender under a seed to the paired questions of a group, in their order."""
        there = self.rows[contender][seed]
        return {i: there[i] for i in self.ids[name][self.seeds.index(seed)]}


def method_of(run: Outcomes) -> str:
    """A run's name without its seed: ``rl_only`` for ``rl_only_2``, ``rl_only-seed2`` or ``rl_only_s2`` of seed 2."""
    return re.sub(rf"[-_.=](?:seed|s)?[-_.=]?{run.seed}$", "", run.name)


Chosen = dict[str, dict[int, tuple[Outcomes, str]]]
"""Contender -> seed -> its run and the model in it."""


def _chosen(runs: Sequence[tuple[str, Outcomes]], models: Sequence[str]) -> Chosen:
    chosen: Chosen = {}
    single = len({label for label, _ in runs}) == 1
    for label, run in runs:
        there = list(run.rows)
        for missing in [m for m in models if m not in there]:
            raise NotComparable(f"{run.folder}: no model {missing!r} was evaluated{suggestion(missing, there)}")
        mine = list(models) or (there if single else there[-1:])
        for model in mine:
            name = label if len(mine) == 1 else model if single else f"{label}: {model}"
            earlier = chosen.setdefault(name, {}).setdefault(run.seed, (run, model))
            if earlier[0] is not run:
                raise NotComparable(
                    f"{earlier[0].folder} and {run.folder} both are {label!r} with run.seed {run.seed}; "
                    f"name them apart: NAME={run.folder}"
                )
    if len(chosen) < 2:
        raise NotComparable(f"there is only {', '.join(chosen) or 'nothing'}: name two models or runs to compare")
    return chosen


def _seeds(chosen: Chosen) -> tuple[int, ...]:
    everyone = sorted({seed for by_seed in chosen.values() for seed in by_seed})
    for name, by_seed in chosen.items():
        if missing := [str(s) for s in everyone if s not in by_seed]:
            other = next(n for n, by in chosen.items() if int(missing[0]) in by)
            raise NotComparable(
                f"{name} has no run with run.seed {', '.join(missing)}, which {other} has: "
                "every method needs the same seeds to be paired"
            )
    return tuple(everyone)


def _questions(runs: Sequence[Outcomes], seed: int) -> dict[str, Question]:
    """The questions of a seed; one id must be the same question in every run."""
    found = dict(runs[0].questions)
    for run in runs[1:]:
        for name, question in run.questions.items():
            mine = found.setdefault(name, question)
            if (mine.text, mine.gold) != (question.text, question.gold):
                raise NotComparable(
                    f"{runs[0].folder} and {run.folder} asked different questions (seed {seed}: {name} is "
                    f"{mine.text!r} in one and {question.text!r} in the other): they need the same task settings"
                )
    return found


def _by_question(rows: Iterable[Completion]) -> dict[str, list[Completion]]:
    found: dict[str, list[Completion]] = {}
    for row in rows:
        found.setdefault(row.question_id, []).append(row)
    return found


def _paired(
    rows: Mapping[str, Mapping[int, Answers]], questions: Mapping[int, Mapping[str, Question]], wanted: Sequence[str]
) -> tuple[dict[str, list[list[str]]], int]:
    """The questions that everyone answered, by group and seed, and how many are left out."""
    answered = {s: [set(by_seed[s]) for by_seed in rows.values()] for s in questions}
    shared = {s: set.intersection(*there) for s, there in answered.items()}
    asked = {s: set.union(*there) for s, there in answered.items()}
    group_of = {s: {q.id: group(q.task, q.level) for q in by_id.values()} for s, by_id in questions.items()}
    names = ordered({group_of[s][i] for s, there in asked.items() for i in there})
    for name in wanted:
        if name not in names:
            raise NotComparable(f"no model answered {name!r}{suggestion(name, names)}")
    ids = {
        name: [[i for i, its in group_of[s].items() if its == name and i in shared[s]] for s in questions]
        for name in wanted or names
    }
    paired = {name: by_seed for name, by_seed in ids.items() if all(by_seed)}
    if lost := [name for name in wanted if name not in paired]:
        raise NotComparable(f"nothing to pair: no question of {', '.join(lost)} was answered by everyone in every seed")
    if not paired:
        raise NotComparable("nothing to pair: there is no question that everyone answered in every seed")
    return paired, sum(len(asked[s] - shared[s]) for s in questions)


def _asked(
    questions: Mapping[str, Question], ids: Mapping[str, Sequence[Sequence[str]]], seed: int
) -> dict[str, tuple[str, str]]:
    """What the paired questions of the seed in that place are."""
    return {i: (questions[i].text, questions[i].gold) for by_seed in ids.values() for i in by_seed[seed]}
