"""Which reflections the traces of a question need: the traces of a few reflections are those of all.

A lazy ``reflect`` step asks for some of a question's possible reflections only. It asks in rounds. In each
it plans the question's traces as if every reflection that was not asked for were there and valid
(:func:`missing`), with the very code, seed, words and limit on tokens of the traces stage, and asks for those that
the plans used; it ends when they used none. Then the plans are those that the traces stage draws from all
reflections, trace by trace, which gives the traces the same law.

Proof. Compare the draws from T, the pools with all reflections, with those from W, where every reflection that was
not asked for is valid, and suppose that no draw from W, a redrawn one included, uses one of those. By induction
over draws: before a draw both generators are in the same state, and the pools hold the same asked pairs. What
W holds besides is unasked, and T holds a part of it. A recipe with ``needs_only_drawn`` chooses by an order in which
any two pairs stand as they do without the others (:class:`sfray.traces.drawing.Orders`): the first that go
together, up to a number. The order of W has further pairs between those of T; the draw passes over each of them,
as it uses none. So it chooses the same pairs from T, takes the same numbers from the generator, writes the
same words and is refused for its length, or not, alike. Where W has too few pairs for a draw, T has too.

What the proof does not need: that the verdicts follow any law, or that the rounds ask for no more than the
plans use. So a round may ask for more, to save further rounds (``believe``).

It needs each draw to show what it used. ``no_reflections`` shows attempts, and under ``trace.reflections_per_attempt``
the pair at a place depends on its attempt's other reflections: there all reflections on a used attempt are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sfray.records import Attempt, Question, Reflection
from sfray.traces.build import Workshop, planned
from sfray.traces.plan import Plan


def missing(
    question: Question,
    attempts: Sequence[Attempt],
    reflections: Sequence[Reflection],
    unasked: Mapping[str, Sequence[str]],
    workshop: Workshop,
    believe: Callable[[str], bool] = lambda _: True,
) -> list[str]:
    """The reflections that the traces of a question would use and that were not asked for.

    Args:
        question: The question.
        attempts: All attempts at it.
        reflections: All that was asked for, valid or not.
        unasked: Attempt id -> ids of the possible reflections on it that were not asked for.
        workshop: What the traces are made with; its recipe must have ``needs_only_drawn``.
        believe: Whether to take an unasked reflection, by id, for valid. Only where that is always so does an
            empty answer mean that the traces are those of all reflections.

    Returns:
        Their ids, each once, in the order of the plans.
    """
    supposed = [
        _supposed(attempt, name) for attempt in attempts for name in unasked.get(attempt.id, ()) if believe(name)
    ]
    open_ids = {r.id for r in supposed}
    found: dict[str, None] = {}

    def uses_supposed(plan: Plan) -> bool:
        """Notes the reflections of a plan that are not there yet; whether there are any."""
        used: list[str] = []
        for step in plan.steps:
            if step.reflection is None or workshop.trace.reflections_per_attempt is not None:
                used += unasked.get(step.attempt.id, ())
            elif step.reflection.id in open_ids:
                used.append(step.reflection.id)
        found.update(dict.fromkeys(used))
        return bool(used)

    planned(question, attempts, [*reflections, *supposed], workshop, supposed=uses_supposed)
    return list(found)


def _supposed(attempt: Attempt, name: str) -> Reflection:
    """A reflection as if it were there, valid and without a word."""
    return Reflection(
        id=name,
        attempt_id=attempt.id,
        question_id=attempt.question_id,
        sample=0,
        text="",
        tokens=0,
        finish="stop",
        verdict=None,
        valid=True,
    )
