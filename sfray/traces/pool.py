"""Which attempts and reflections of one question may enter its traces.

An attempt is usable when generation stopped by itself (a truncated text would teach
truncation), it has an extracted answer that the verifier could judge (right or wrong), it
holds no structural tag and no control token, and at least one valid reflection on it is usable. A reflection is
usable when it stopped by itself, is valid and holds neither.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from sfray import seeds
from sfray.config import TraceConfig
from sfray.grammar import structural
from sfray.records import Attempt, Reflection, Reject
from sfray.rejects import RejectReason
from sfray.tasks.outcome import Reason

_DETAIL_CHARS = 200

Control = Callable[[str], str | None]
"""The first control token of the model in a text, or None."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A usable attempt with all its usable reflections, at least one."""

    attempt: Attempt
    reflections: tuple[Reflection, ...]


@dataclass(frozen=True, slots=True)
class Pools:
    """The candidates of one question, each pool ordered by attempt id."""

    correct: tuple[Candidate, ...]
    incorrect: tuple[Candidate, ...]


@dataclass(slots=True)
class Gathered:
    """The pools of a question and what did not get into them."""

    pools: Pools
    rejects: list[Reject]
    skipped: Counter[str]


def not_drawn(attempts: Iterable[Attempt], config: TraceConfig, seed: int) -> frozenset[str]:
    """Ids of the attempts that ``trace.attempts_per_question`` leaves out.

    The draw is by a hash of run seed and attempt id: it is the same for any order of rows,
    any sharding and any recipe, and a larger number only adds attempts. It is made before
    anything is known of an attempt but its variant, so that it does what fewer samples would.

    Args:
        attempts: Attempts at one question.
        config: For ``attempts_per_question`` and ``variants``, whose attempts alone are drawn from.
        seed: The run's seed.
    """
    if config.attempts_per_question is None:
        return frozenset()
    ids = [a.id for a in attempts if config.variants is None or a.variant in config.variants]
    ranked = sorted(ids, key=lambda i: seeds.derive(seed, "traces", "attempts", i))
    return frozenset(ranked[config.attempts_per_question :])


def gather(
    attempts: Iterable[Attempt],
    reflections: Iterable[Reflection],
    variants: Sequence[str] | None = None,
    left_out: Collection[str] = (),
    control: Control | None = None,
    tags: Collection[str] = (),
) -> Gathered:
    """Sorts one question's rows into pools.

    Args:
        attempts: Attempts at the question, in any order.
        reflections: Reflections on them, in any order.
        variants: Prompt variants to use; None for all.
        left_out: Ids of attempts to do without, see :func:`not_drawn`; their reflections are passed over.
        control: Finds control tokens, which a trace would teach as such; None to look for none.
        tags: Tags of other skills in the traces: a text that holds one would break their grammar.
    """
    tag = structural(tags)
    rejects: list[Reject] = []
    skipped: Counter[str] = Counter()
    on_attempt: defaultdict[str, list[Reflection]] = defaultdict(list)
    for reflection in sorted(reflections, key=lambda r: r.id):
        if reflection.attempt_id in left_out:
            continue
        if reason := _reflection_skip(reflection, control, tag):
            _note(reflection.id, reflection.text, reason, rejects, skipped)
        else:
            on_attempt[reflection.attempt_id].append(reflection)
    candidates: list[Candidate] = []
    for attempt in sorted(attempts, key=lambda a: a.id):
        usable = on_attempt.get(attempt.id, [])
        if attempt.id in left_out:
            skipped[RejectReason.NOT_DRAWN.value] += 1
        elif reason := _attempt_skip(attempt, bool(usable), variants, control, tag):
            detail = f"{attempt.reason}: {attempt.answer}" if reason is RejectReason.UNJUDGED else attempt.text
            _note(attempt.id, detail, reason, rejects, skipped)
        else:
            candidates.append(Candidate(attempt, tuple(usable)))
    pools = Pools(
        tuple(c for c in candidates if c.attempt.correct), tuple(c for c in candidates if not c.attempt.correct)
    )
    return Gathered(pools, rejects, skipped)


def _reflection_skip(reflection: Reflection, control: Control | None, tag: re.Pattern[str]) -> RejectReason | None:
    if reflection.finish != "stop":
        return RejectReason.TRUNCATED_REFLECTION
    if tag.search(reflection.text):
        return RejectReason.STRUCTURAL_TAG
    if control is not None and control(reflection.text):
        return RejectReason.CONTROL_TOKEN
    return None if reflection.valid else RejectReason.INVALID_REFLECTION


def _attempt_skip(
    attempt: Attempt, reflected: bool, variants: Sequence[str] | None, control: Control | None, tag: re.Pattern[str]
) -> RejectReason | None:
    if variants is not None and attempt.variant not in variants:
        return RejectReason.OTHER_VARIANT
    if attempt.finish != "stop":
        return RejectReason.TRUNCATED_ATTEMPT
    if tag.search(attempt.text):
        return RejectReason.STRUCTURAL_TAG
    if control is not None and control(attempt.text):
        return RejectReason.CONTROL_TOKEN
    if attempt.answer is None:
        return RejectReason.NO_ANSWER
    if not Reason(attempt.reason).judged:
        return RejectReason.UNJUDGED
    return None if reflected else RejectReason.NO_VALID_REFLECTION


def _note(row: str, detail: str, reason: RejectReason, rejects: list[Reject], skipped: Counter[str]) -> None:
    if reason in (RejectReason.STRUCTURAL_TAG, RejectReason.CONTROL_TOKEN, RejectReason.UNJUDGED):
        rejects.append(Reject(id=row, reason=reason, detail=detail[:_DETAIL_CHARS]))
    else:
        skipped[reason.value] += 1
