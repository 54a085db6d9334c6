"""Traces of one question, and of one shard: the whole way from rows to rows, still pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sfray.config import TraceConfig
from sfray.prompts import Prompts
from sfray.records import Attempt, Question, Reflection, Reject, Trace
from sfray.rejects import RejectReason
from sfray.traces.format import Count, Draft, draft, fit
from sfray.traces.plan import Step
from sfray.traces.planning import plan_question
from sfray.traces.pool import Gathered
from sfray.traces.recipes import Recipe, recipe
from sfray.traces.statistics import ARITHMETIC_TASKS, Statistics

Row = TypeVar("Row", Attempt, Reflection)


@dataclass(frozen=True)
class Workshop:
    """What every question's traces are made with.

    Attributes:
        trace: How pairs become traces.
        seed: The run's seed.
        prompts: The words.
        answer_types: Task name -> how prompts call its answer.
        count: Tokens of a conversation.
    """

    trace: TraceConfig
    seed: int
    prompts: Prompts
    answer_types: Mapping[str, str]
    count: Count

    @property
    def recipe(self) -> Recipe:
        """The recipe of the config."""
        return recipe(self.trace.recipe)


@dataclass
class Built:
    """The output of some questions."""

    traces: list[Trace] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    statistics: Statistics = field(default_factory=Statistics)


def build_shard(
    questions: Iterable[Question], attempts: Iterable[Attempt], reflections: Iterable[Reflection], workshop: Workshop
) -> Built:
    """Builds the traces of a shard, in the order of its questions.

    Args:
        questions: The shard's questions.
        attempts: All attempts at them, in any order.
        reflections: All reflections on those, in any order.
        workshop: What to make the traces with.

    Raises:
        ValueError: An attempt or a reflection belongs to no question of the shard.
    """
    listed = list(questions)
    attempts_of = _grouped(attempts, listed)
    reflections_of = _grouped(reflections, listed)
    built = Built()
    for question in listed:
        build_question(question, attempts_of[question.id], reflections_of[question.id], workshop, built)
    return built


def build_question(
    question: Question,
    attempts: Sequence[Attempt],
    reflections: Sequence[Reflection],
    workshop: Workshop,
    built: Built | None = None,
) -> Built:
    """Builds the traces of one question: plans as :func:`plan_question` makes them, then their words.

    Args:
        question: The question.
        attempts: Attempts at it.
        reflections: Reflections on them.
        workshop: What to make the traces with.
        built: Takes the result up; a new one by default.
    """
    built = Built() if built is None else built
    config, recipe_name = workshop.trace, workshop.recipe.name
    planned = plan_question(question.id, attempts, reflections, config, workshop.seed)
    gathered = planned.gathered
    built.rejects += gathered.rejects
    built.statistics.totals.update({f"skipped.{k}": v for k, v in gathered.skipped.items()})
    built.statistics.totals["questions"] += 1
    if not planned.plans:
        built.rejects.append(_no_trace(question, gathered))
        return built
    answer_type = workshop.answer_types[question.task]
    prompt = workshop.prompts.question(question.text, answer_type, question.complete)[-1]["content"]
    made: list[Draft] = []
    for number, plan in enumerate(planned.plans):
        name = f"{question.id}#{recipe_name}.{number}"
        whole = draft(plan, workshop.prompts, planned.rng)
        fitted = fit(whole, prompt, config.max_tokens, workshop.count)
        if fitted is None:
            detail = f"shape {plan.shape}, over trace.max_tokens = {config.max_tokens} at its shortest"
            built.rejects.append(Reject(name, RejectReason.TOO_LONG, detail))
            continue
        final, text, tokens = fitted
        built.traces.append(_trace(name, question, recipe_name, prompt, final, text, tokens))
        built.statistics.add_trace(final, tokens)
        built.statistics.totals["rebuilt"] += final is not whole
        made.append(final)
    built.statistics.totals["questions_with_traces"] += bool(made)
    _add_silver(built.statistics, question, made)
    return built


def _grouped(rows: Iterable[Row], questions: Sequence[Question]) -> dict[str, list[Row]]:
    known: dict[str, list[Row]] = {q.id: [] for q in questions}
    for row in rows:
        if row.question_id not in known:
            raise ValueError(f"{row.id}: its question {row.question_id} is not in this shard")
        known[row.question_id].append(row)
    return known


def _no_trace(question: Question, gathered: Gathered) -> Reject:
    correct, incorrect = len(gathered.pools.correct), len(gathered.pools.incorrect)
    reason = RejectReason.TOO_FEW_PAIRS if correct else RejectReason.NO_CORRECT_PAIR
    return Reject(question.id, reason, f"usable attempts: {correct} correct, {incorrect} incorrect")


def _trace(name: str, question: Question, recipe_name: str, prompt: str, final: Draft, text: str, tokens: int) -> Trace:
    steps = final.plan.steps
    return Trace(
        id=name,
        question_id=question.id,
        recipe=final.plan.recipe or recipe_name,
        prompt=prompt,
        text=text,
        answer=final.answer,
        attempts=[s.attempt.id for s in steps],
        reflections=["" if s.reflection is None else s.reflection.id for s in steps],
        n_correct=sum(s.correct for s in steps),
        n_incorrect=sum(not s.correct for s in steps),
        tokens=tokens,
        correct=final.plan.correct,
    )


def _add_silver(statistics: Statistics, question: Question, made: Sequence[Draft]) -> None:
    if question.task not in ARITHMETIC_TASKS:
        return
    steps: dict[str, Step] = {}
    for one in made:
        steps |= {(s.attempt.id if s.reflection is None else s.reflection.id): s for s in one.plan.steps}
    statistics.add_silver(question.task, json.loads(question.gold).get("target"), steps)
