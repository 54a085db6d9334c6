"""Traces of one question, and of one shard: the whole way from rows to rows, still pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sfray import seeds
from sfray.config import TraceConfig
from sfray.grammar import structural
from sfray.prompts import Prompts
from sfray.records import Attempt, Question, Reflection, Reject, SkillSegment, Trace
from sfray.rejects import RejectReason
from sfray.skills.skill import Skill
from sfray.tasks.registry import family
from sfray.tasks.task import group
from sfray.traces.drawing import Drawn
from sfray.traces.format import Count, Draft, draft
from sfray.traces.placing import choose
from sfray.traces.plan import Plan, Step
from sfray.traces.planning import Planned, plan_question
from sfray.traces.pool import Control, Gathered
from sfray.traces.recipes import Recipe, recipe
from sfray.traces.statistics import ARITHMETIC_TASKS, Statistics

Row = TypeVar("Row", Attempt, Reflection, SkillSegment)


@dataclass(frozen=True)
class Workshop:
    """What every question's traces are made with.

    Attributes:
        trace: How pairs become traces.
        seed: The run's seed.
        prompts: The words.
        count: Tokens of a conversation.
        control: The first control token of the model in a text, or None.
        skills: Name -> skill, for the segments that traces show besides attempts and reflections.
        kept: Ids of the traces to keep; None for all.
    """

    trace: TraceConfig
    seed: int
    prompts: Prompts
    count: Count
    control: Control | None = None
    skills: Mapping[str, Skill] = field(default_factory=dict)
    kept: frozenset[str] | None = None

    @property
    def tags(self) -> list[str]:
        """The tags of the skills."""
        return [skill.tag for skill in self.skills.values()]

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
    questions: Iterable[Question],
    attempts: Iterable[Attempt],
    reflections: Iterable[Reflection],
    workshop: Workshop,
    segments: Iterable[SkillSegment] = (),
) -> Built:
    """Builds the traces of a shard, in the order of its questions.

    Args:
        questions: The shard's questions.
        attempts: All attempts at them, in any order.
        reflections: All reflections on those, in any order.
        workshop: What to make the traces with.
        segments: All segments of other skills, on the questions or on the attempts, in any order.

    Raises:
        ValueError: An attempt, a reflection or a segment belongs to no question of the shard.
    """
    listed = list(questions)
    attempts_of = _grouped(attempts, listed)
    reflections_of = _grouped(reflections, listed)
    segments_of = _grouped(segments, listed)
    built = Built()
    for question in listed:
        mine = question.id
        build_question(question, attempts_of[mine], reflections_of[mine], workshop, built, segments_of[mine])
    return built


def build_question(
    question: Question,
    attempts: Sequence[Attempt],
    reflections: Sequence[Reflection],
    workshop: Workshop,
    built: Built | None = None,
    segments: Sequence[SkillSegment] = (),
) -> Built:
    """Builds the traces of one question: its plans, drawn by :func:`sfray.traces.planning.plan_question`, in words.

    Args:
        question: The question.
        attempts: Attempts at it.
        reflections: Reflections on them.
        workshop: What to make the traces with.
        built: Takes the result up; a new one by default.
        segments: Segments of other skills, on the question or on the attempts.
    """
    built = Built() if built is None else built
    statistics = built.statistics
    statistics.totals["questions"] += 1
    usable, torn = _usable(segments, workshop)
    plans = planned(question, attempts, reflections, workshop, usable)
    if isinstance(plans, Reject):
        built.rejects.append(plans)
        statistics.add_question(group(question.task, question.level), 0)
        return built
    built.rejects += [*plans.gathered.rejects, *torn]
    statistics.totals.update({f"skipped.{k}": v for k, v in plans.gathered.skipped.items()})
    if not plans.drawn:
        built.rejects.append(_no_trace(question, plans.gathered))
    made: list[Draft] = []
    for number, drawn in enumerate(plans.drawn):
        name = f"{question.id}#{workshop.recipe.name}.{number}"
        statistics.add_drawn(drawn)
        if drawn.made is None:
            built.rejects.append(_given_up(name, drawn, workshop.trace.max_tokens))
            continue
        if workshop.kept is not None and name not in workshop.kept:
            statistics.totals["left_out"] += 1
            continue
        built.traces.append(_trace(name, question, workshop.recipe.name, user_turn(question, workshop), drawn))
        statistics.add_trace(drawn.made.draft, drawn.made.tokens)
        made.append(drawn.made.draft)
    statistics.add_question(group(question.task, question.level), len(made))
    _add_silver(statistics, question, made)
    return built


@dataclass(frozen=True, slots=True)
class Written:
    """A plan with its words, which fits."""

    draft: Draft
    text: str
    tokens: int


def planned(
    question: Question,
    attempts: Sequence[Attempt],
    reflections: Sequence[Reflection],
    workshop: Workshop,
    segments: Sequence[SkillSegment] = (),
    supposed: Callable[[Plan], bool] = lambda _: False,
) -> Planned | Reject:
    """The question's traces as they are drawn under the limit, words included, or why it has none.

    Args:
        question: The question.
        attempts: Attempts at it.
        reflections: Reflections on them.
        workshop: What to make the traces with.
        segments: Segments of other skills that may be shown.
        supposed: Sees every plan; one that it says yes to has parts without a text and counts as one that fits.
    """
    prompt = user_turn(question, workshop)
    if workshop.control is not None and (token := workshop.control(prompt)):
        return Reject(id=question.id, reason=RejectReason.CONTROL_TOKEN, detail=f"{token} in the question")
    # Of their own, so that the plans do not depend on the words of those before them.
    words = seeds.rng(workshop.seed, "traces", workshop.recipe.name, question.id, "words")
    of_skills = seeds.rng(workshop.seed, "traces", workshop.recipe.name, question.id, "segments")

    def make(plan: Plan) -> Written | Plan | None:
        """Draws the words and the segments of a plan; None where that is too long."""
        if supposed(plan):
            return plan
        written = draft(plan, workshop.prompts, words)
        if segments:
            written = replace(written, shown=choose(plan, segments, workshop.skills, of_skills))
        tokens = workshop.count(prompt, text := written.text)
        return Written(written, text, tokens) if tokens <= workshop.trace.max_tokens else None

    return plan_question(
        question.id, attempts, reflections, workshop.trace, workshop.seed, make, workshop.control, workshop.tags
    )


def user_turn(question: Question, workshop: Workshop) -> str:
    """The user turn of the question's traces."""
    turns = workshop.prompts.question(question.text, family(question.task).answer_type, question.complete)
    return turns[-1]["content"]


def _given_up(name: str, drawn: Drawn, limit: int) -> Reject:
    detail = f"shape {drawn.plan.shape}: none of {drawn.draws} draws fits trace.max_tokens = {limit}"
    return Reject(id=name, reason=RejectReason.TOO_LONG, detail=detail)


def _grouped(rows: Iterable[Row], questions: Sequence[Question]) -> dict[str, list[Row]]:
    known: dict[str, list[Row]] = {q.id: [] for q in questions}
    for row in rows:
        if row.question_id not in known:
            raise ValueError(f"{row.id}: its question {row.question_id} is not in this shard")
        known[row.question_id].append(row)
    return known


def _usable(segments: Sequence[SkillSegment], workshop: Workshop) -> tuple[list[SkillSegment], list[Reject]]:
    """The segments without a tag of any skill of the traces and without a control token; the others are rejects."""
    tag = structural(workshop.tags)
    usable, rejects = [], []
    for one in segments:
        if tag.search(one.text):
            rejects.append(Reject(id=one.id, reason=RejectReason.STRUCTURAL_TAG, detail=one.text[:200]))
        elif workshop.control is not None and workshop.control(one.text):
            rejects.append(Reject(id=one.id, reason=RejectReason.CONTROL_TOKEN, detail=one.text[:200]))
        else:
            usable.append(one)
    return usable, rejects


def _no_trace(question: Question, gathered: Gathered) -> Reject:
    correct, incorrect = len(gathered.pools.correct), len(gathered.pools.incorrect)
    reason = RejectReason.TOO_FEW_PAIRS if correct else RejectReason.NO_CORRECT_PAIR
    return Reject(id=question.id, reason=reason, detail=f"usable attempts: {correct} correct, {incorrect} incorrect")


def _trace(name: str, question: Question, recipe_name: str, prompt: str, drawn: Drawn) -> Trace:
    steps, written = drawn.plan.steps, drawn.made
    return Trace(
        id=name,
        question_id=question.id,
        recipe=drawn.plan.recipe or recipe_name,
        prompt=prompt,
        text=written.text,
        answer=written.draft.answer,
        attempts=[s.attempt.id for s in steps],
        reflections=["" if s.reflection is None else s.reflection.id for s in steps],
        n_correct=sum(s.correct for s in steps),
        n_incorrect=sum(not s.correct for s in steps),
        tokens=written.tokens,
        correct=drawn.plan.correct,
        skills=list(written.draft.skills),
        segments=[row.id for row in written.draft.woven.rows],
    )


def _add_silver(statistics: Statistics, question: Question, made: Sequence[Draft]) -> None:
    if question.task not in ARITHMETIC_TASKS:
        return
    steps: dict[str, Step] = {}
    for one in made:
        steps |= {(s.attempt.id if s.reflection is None else s.reflection.id): s for s in one.plan.steps}
    statistics.add_silver(question.task, json.loads(question.gold).get("target"), steps)
