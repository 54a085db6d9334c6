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
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from sfray import seeds
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


@dataclass
class Pending:
    """What is known of the reflections on one question's attempts.

    Attributes:
        question: The question.
        attempts: All attempts at it.
        unasked: Attempt id -> ids of the possible reflections on it that were not asked for.
        reflections: What came of those that were.
        closed: Whether its traces need no more.
    """

    question: Question
    attempts: Sequence[Attempt]
    unasked: dict[str, list[str]]
    reflections: list[Reflection] = field(default_factory=list)
    closed: bool = False

    def ask(self, workshops: Sequence[Workshop], number: int, rate: float) -> list[str]:
        """The reflections to ask for in a round; none when the traces of all workshops have what they need.

        The first round asks for those on correct attempts, which decide how many others are needed. The later ones
        guess as well which further ones an invalid one will lead to: they plan again with each unasked reflection
        on an incorrect attempt valid by chance, round after round more often.

        Args:
            workshops: What the traces are made with, by each recipe.
            number: The round, from 1.
            rate: Share of valid reflections on incorrect attempts, as far as it is known.
        """
        if self.closed:
            return []
        found = self._missing(workshops)
        self.closed = not found
        correct = {a.id for a in self.attempts if a.correct}
        on_correct = [name for name in found if on(name) in correct]
        if number == 1 and on_correct:
            return on_correct
        for guess in range(1, number if found else 1):
            chance = partial(seeds.rng, "reflections", "guess", guess)
            found += self._missing(
                [replace(w, count=lambda *_: 0) for w in workshops],
                lambda name, chance=chance: on(name) in correct or chance(name).random() < rate,  # type: ignore[misc]
            )
        return list(dict.fromkeys(found))

    def _missing(self, workshops: Sequence[Workshop], believe: Callable[[str], bool] = lambda _: True) -> list[str]:
        found = [missing(self.question, self.attempts, self.reflections, self.unasked, w, believe) for w in workshops]
        return list(dict.fromkeys(chain(*found)))

    def answer(self, name: str, rows: Sequence[Reflection]) -> None:
        """Takes up what came of a reflection that was asked for: its row, or none where it was refused."""
        self.unasked[on(name)].remove(name)
        self.reflections += rows


def on(name: str) -> str:
    """The attempt that a reflection is on, by their ids."""
    return name.rpartition("/")[0]


def in_probe(attempt_id: str, share: float, seed: int) -> bool:
    """Whether an attempt is one of those on which a reflection is asked for whatever the traces need.

    The draw looks at nothing but the id, so figures of their reflections are those of all, up to chance.

    Args:
        attempt_id: The attempt.
        share: Of all attempts.
        seed: The run's seed.
    """
    return seeds.rng(seed, "reflections", "probe", attempt_id).random() < share
